import { encodeHex, formatPublisherLine, sha256, utf8 } from "@indelible/core";
import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder, runHere } from "./_testing.ts";
import { command } from "./publisher_add.ts";

Deno.test("publisher-add prints a token once and keeps its digest", () =>
  inFolder(async (folder) => {
    const publishers = join(folder, "publishers");
    Deno.writeTextFileSync(publishers, "# ours\nfirst sha256:00"); // No final newline.
    const { code, stdout } = await runHere(command, [
      `--publishers=${publishers}`,
      "--name=ci",
    ]);
    assert.equal(code, 0);
    const token = stdout.trimEnd();
    assert.equal(Uint8Array.fromBase64(token, { alphabet: "base64url" }).length, 32);
    assert.equal(
      Deno.readTextFileSync(publishers),
      `# ours\nfirst sha256:00\nci sha256:${encodeHex(sha256(utf8(token)))}\n`,
    );
  }));

Deno.test("publisher-add writes the token to a private file and does not print it", () =>
  inFolder(async (folder) => {
    const [publishers, tokenFile] = [join(folder, "publishers"), join(folder, "token")];
    const args = [`--publishers=${publishers}`, "--name=ci", `--token-file=${tokenFile}`];
    const { code, stdout, stderr } = await runHere(command, args);
    assert.equal(code, 0);
    const token = Deno.readTextFileSync(tokenFile).trimEnd();
    assert.equal(Deno.statSync(tokenFile).mode! & 0o777, 0o600);
    assert.ok(!(stdout + stderr).includes(token));
    const line = `ci sha256:${encodeHex(sha256(utf8(token)))}\n`;
    assert.equal(Deno.readTextFileSync(publishers), line);
  }));

Deno.test("publisher-add refuses a name that is taken and leaves no token file", () =>
  inFolder(async (folder) => {
    const [publishers, tokenFile] = [join(folder, "publishers"), join(folder, "token")];
    Deno.writeTextFileSync(publishers, "ci sha256:00\n");
    const args = [`--publishers=${publishers}`, "--name=ci", `--token-file=${tokenFile}`];
    const { code, stderr } = await runHere(command, args);
    assert.equal(code, 1);
    assert.match(stderr, /--name ci.*already/);
    assert.equal(Deno.readTextFileSync(publishers), "ci sha256:00\n");
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["publishers"]);
  }));

Deno.test("publisher-add loses nobody when several run at once", () =>
  inFolder(async (folder) => {
    const publishers = join(folder, "publishers");
    const names = Array.from({ length: 8 }, (_, i) => `p${i}`);
    const { appendPublisher } = await import("./publishers_file.ts");
    await Promise.all(
      names.map((name) =>
        appendPublisher(publishers, name, formatPublisherLine({ name, digest: sha256(utf8("t")) }))
      ),
    );
    const lines = Deno.readTextFileSync(publishers).trimEnd().split("\n");
    assert.deepEqual(lines.map((line) => line.split(" ")[0]).sort(), names);
  }));

Deno.test("publisher-add refuses names that would break the file", async () => {
  for (const name of ["", "a b", "#a", "a\nb", "-a", "a".repeat(65)]) {
    assert.equal((await runHere(command, ["--publishers=p", `--name=${name}`])).code, 2);
  }
});
