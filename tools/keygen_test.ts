import { KeyType, parseSkey, parseVkey } from "@indelible/core";
import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder, runHere } from "./_testing.ts";
import { command } from "./keygen.ts";

function flags(folder: string, ...more: string[]): string[] {
  return [
    "--origin=log.test/keygen",
    `--private-key-path=${join(folder, "private.key")}`,
    `--public-key-path=${join(folder, "public.key")}`,
    ...more,
  ];
}

for (
  const { name, more, type } of [
    { name: "a log's Ed25519 key", more: [], type: KeyType.ed25519 },
    { name: "a witness's Ed25519 key", more: ["--witness"], type: KeyType.ed25519Cosignature },
    { name: "an ML-DSA-44 key", more: ["--algorithm=ml-dsa-44"], type: KeyType.mlDsa44 },
  ]
) {
  Deno.test(`keygen makes ${name}`, () =>
    inFolder(async (folder) => {
      const { code } = await runHere(command, flags(folder, ...more));
      assert.equal(code, 0);
      const skey = Deno.readTextFileSync(join(folder, "private.key"));
      const vkey = Deno.readTextFileSync(join(folder, "public.key"));
      assert.match(skey, /^[^\n]+\n$/);
      const key = parseVkey(vkey.trimEnd());
      assert.equal(key.name, "log.test/keygen");
      assert.equal(key.type, type);
      assert.deepEqual(parseSkey(skey.trimEnd()).publicKey, key.publicKey);
      assert.equal(Deno.statSync(join(folder, "private.key")).mode! & 0o777, 0o600);
    }));
}

for (const existing of ["private.key", "public.key"]) {
  Deno.test(`keygen overwrites no ${existing} and leaves nothing behind`, () =>
    inFolder(async (folder) => {
      Deno.writeTextFileSync(join(folder, existing), "mine");
      const { code, stderr } = await runHere(command, flags(folder));
      assert.equal(code, 1);
      assert.match(stderr, /exists already, and nothing is overwritten/);
      assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), [existing]);
      assert.equal(Deno.readTextFileSync(join(folder, existing)), "mine");
    }));
}

Deno.test("keygen refuses what cannot name a key", async () => {
  for (const origin of ["", "a b", "a+b", "a\nb"]) {
    assert.equal((await runHere(command, [`--origin=${origin}`])).code, 2);
  }
});

Deno.test("keygen refuses an origin with a scheme, and says what to leave out", () =>
  inFolder(async (folder) => {
    for (const scheme of ["https://", "HTTP://", "git+ssh://"]) {
      const args = flags(folder, "--witness").map((arg) => arg.replace("=log", `=${scheme}log`));
      const { code, stderr } = await runHere(command, args);
      assert.equal(code, 2);
      assert.ok(stderr.includes(`--origin must be a URL without its scheme: leave out ${scheme}`));
    }
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  }));

Deno.test("keygen refuses one path for both keys", () =>
  inFolder(async (folder) => {
    const path = join(folder, "key");
    const args = ["--origin=a", `--private-key-path=${path}`, `--public-key-path=${path}`];
    assert.equal((await runHere(command, args)).code, 1);
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  }));
