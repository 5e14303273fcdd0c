/**
 * Alerts by mail over TLS, from the start and by STARTTLS, with no more permission than
 * the mail server's name and port; a certificate that nobody vouches for is refused, and
 * then neither the password nor the mail is sent.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MailServer } from "../tools/monitor/alerts/_testing.ts";
import { requirePeer } from "./peers/peers.ts";
import { run } from "./peers/process.ts";
import { inFolder } from "./temporary.ts";

const SENDER = fileURLToPath(new URL("testdata/mail_sender.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../deno.json", import.meta.url));

for (const protocol of ["smtps", "smtp"] as const) {
  Deno.test(`a mail goes over ${protocol} to a server that has a certificate`, () =>
    inFolder(async (folder) => {
      const openssl = await requirePeer("openssl");
      if (openssl === null) return;
      const made = await run(openssl, [
        ..."req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost".split(" "),
        ...["-addext", "subjectAltName=DNS:localhost"],
        ...["-addext", "basicConstraints=critical,CA:FALSE"],
        ...["-keyout", join(folder, "key.pem"), "-out", join(folder, "cert.pem")],
      ]);
      assert.equal(made.code, 0, made.stderr);
      const [key, cert] = await Promise.all(
        ["key.pem", "cert.pem"].map((name) => Deno.readTextFile(join(folder, name))),
      ) as [string, string];
      const login = { user: "monitor", password: "secret" };
      await using server = await MailServer.start({
        login,
        tls: { key, cert },
        secure: protocol === "smtps",
      });
      const send = (...trust: string[]) => {
        const host = `localhost:${server.port}`;
        const permissions = ["--no-prompt", `--config=${CONFIG}`, `--allow-net=${host}`, ...trust];
        const args = ["run", "--quiet", ...permissions, SENDER, `${protocol}://${host}`];
        return run(Deno.execPath(), args);
      };
      const refused = await send();
      assert.match(refused.stdout, /certificate|UnknownIssuer|self.signed/i, refused.stderr);
      assert.equal(server.received.length, 0);
      const sent = await send(`--cert=${join(folder, "cert.pem")}`);
      assert.equal(sent.stdout, "sent\n", sent.stderr);
      assert.deepEqual(server.received.map(({ secure }) => secure), [true]);
    }));
}
