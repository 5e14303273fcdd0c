import { deepEqual, equal, throws } from "node:assert/strict";
import { findLogin } from "./netrc.ts";

const NETRC = `# machine commented login out password of
machine files.test login one password first # machine not.test password x
machine index.test
  login "a user" account none
  password p#1\\ 2
macdef init
cd /
machine in-a-macro.test login x password x

machine index.test:8080 user port password never
default login anonymous password guest
`;

Deno.test("findLogin() finds what stands for a host, else the default", () => {
  const of = (host: string) => findLogin(NETRC, host);
  deepEqual(of("files.test"), { user: "one", password: "first" });
  deepEqual(of("index.test"), { user: "a user", password: "p#1 2" });
  for (const host of ["commented", "not.test", "in-a-macro.test", "nowhere.test"]) {
    deepEqual(of(host), { user: "anonymous", password: "guest" }, host);
  }
  equal(findLogin("machine a login b password c", "d"), null);
  equal(findLogin("", "d"), null);
  const twice = "machine a login b password c\nmachine a login d password e";
  deepEqual(findLogin(twice, "a"), { user: "d", password: "e" });
});

Deno.test("findLogin() refuses what is no netrc file, and ends on every beginning of one", () => {
  throws(() => findLogin("\nhost a", "a"), /expected machine, default or macdef in line 2/);
  throws(() => findLogin("machine", "a"), /machine is not followed by a value/);
  for (let end = 0; end < NETRC.length; end++) {
    try {
      findLogin(NETRC.slice(0, end), "index.test");
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
});
