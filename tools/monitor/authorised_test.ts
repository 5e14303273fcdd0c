import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { inFolder } from "../_testing.ts";
import {
  type Authorisation,
  authorise,
  AuthorisedFile,
  authorisedPath,
  isAuthorised,
  parseAuthorised,
} from "./authorised.ts";

const statement = (file: string, fields: Partial<Authorisation> = {}): Authorisation => ({
  event: "publish",
  file,
  checksum: `sha256:${"ab".repeat(32)}`,
  ...fields,
});

Deno.test("authorise() adds what is new, and an open file sees it", () =>
  inFolder(async (folder) => {
    const file = new AuthorisedFile(folder);
    equal((await file.read()).size, 0);
    const all = Array.from({ length: 40 }, (_, i) => statement(`lib-${i}.whl`));
    // As release jobs that end at once.
    const added = await Promise.all(all.map((one) => authorise(folder, [one, all[0]!])));
    equal(added.reduce((sum, count) => sum + count), all.length);
    equal(await authorise(folder, all), 0);
    const authorised = await file.read();
    ok(all.every((one) => isAuthorised(authorised, one)));
    ok(!isAuthorised(authorised, statement("lib-0.whl", { event: "yank" })));
    ok(
      !isAuthorised(authorised, statement("lib-0.whl", { checksum: `sha256:${"cd".repeat(32)}` })),
    );
    ok(!isAuthorised(authorised, statement("lib-40.whl")));
  }));

Deno.test("a line that was being written when its writer died counts for nothing", () =>
  inFolder(async (folder) => {
    await authorise(folder, [statement("a.whl")]);
    const whole = await Deno.readTextFile(authorisedPath(folder));
    for (let length = 0; length < whole.length; length++) {
      deepEqual(parseAuthorised(whole.slice(0, length)), new Set());
    }
    await Deno.writeTextFile(authorisedPath(folder), `# ours\n\n${whole}`);
    equal((await new AuthorisedFile(folder).read()).size, 1);
  }));

Deno.test("parseAuthorised() names the line that is wrong", () => {
  const sum = `sha256:${"ab".repeat(32)}`;
  for (
    const [text, message] of [
      [`publish ${sum} a\nlaunch ${sum} a\n`, /^line 2: must be an event, a checksum and a file/],
      [`publish ${sum} a b\n`, /^line 1: must be an event/],
      ["publish sha256:ab a\n", /^line 1: checksum must be/],
      [`publish ${sum} a/b\n`, /^line 1: filename must be/],
    ] as const
  ) throws(() => parseAuthorised(text), { name: "SyntaxError", message });
});
