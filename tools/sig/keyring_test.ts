import { deepEqual, equal, match, notEqual, rejects, throws } from "node:assert/strict";
import { readKey } from "openpgp";
import { requirePeers } from "../../tests/peers/peers.ts";
import { GpgHome } from "./_testing.ts";
import { gather } from "./gather.ts";
import { chooseKey, parseKeyId, shortId } from "./key_id.ts";
import { describeKey, isKeybox, Keyring } from "./keyring.ts";
import { verifyAttestation } from "./openpgp_verify.ts";

const DATA = { id: "x", ok: true, reviewed: true };

async function withGpg(test: (home: GpgHome) => Promise<void>): Promise<void> {
  if (await requirePeers("gpg", "gpgconf") === null) return;
  await using home = await GpgHome.make();
  await test(home);
}

Deno.test("key IDs are read in every spelling, and name one key or are refused", () => {
  const [one, two] = [`${"1".repeat(32)}B32780D9`, `${"2".repeat(32)}B32780D9`];
  equal(parseKeyId("0xb32780d9"), "B32780D9");
  equal(parseKeyId(`${one.slice(0, 20)} ${one.slice(20)}`), one);
  for (const text of ["", "B32780D", "B32780D9B", "xyz", `${one}0`]) {
    throws(() => parseKeyId(text), /8 hexadecimal digits/);
  }
  equal(chooseKey(two, [one, two, two], "here"), two);
  equal(chooseKey(one.slice(-16), [one, `2${one.slice(1)}`].slice(0, 1), "here"), one);
  throws(() => chooseKey("B32780D9", [one, two], "here"), new RegExp(`${one} and ${two}`));
  throws(() => chooseKey("00000000", [one, two], "here"), /Cannot find key 00000000 here/);
  equal(shortId(one), "[B32780D9]");
});

Deno.test("a keyring is what gpg reads, and what it wrote is read", () =>
  withGpg(async (home) => {
    const keys = [
      await home.makeKey("A <a@a.test>"),
      await home.makeKey("B <b@b.test>", "rsa2048"),
    ];
    const ring = await Keyring.parse(await home.export(...keys));
    deepEqual([...ring.fingerprints].sort(), [...keys].sort());
    equal(ring.find(keys[0]!.slice(-8)), keys[0]);
    match(await describeKey(ring.get(keys[1]!)!), /^\[[0-9A-F]{8}\] B <b@b\.test>$/);
    const path = `${home.folder}/ring.gpg`;
    await Deno.writeFile(path, ring.bytes());
    const listed = await home.run(["--no-default-keyring", `--keyring=${path}`, "--list-keys"]);
    for (const key of keys) match(new TextDecoder().decode(listed), new RegExp(key));
    deepEqual((await Keyring.parse(ring.bytes())).bytes(), ring.bytes());
    equal(isKeybox(ring.bytes()), false);
    equal(isKeybox(await Deno.readFile(`${home.folder}/pubring.kbx`)), true);
    await rejects(Keyring.parse(await home.run(["--export-secret-keys"])), /a private key/);
    await rejects(Keyring.parse(Uint8Array.of(1, 2, 3)), /Cannot parse keys/);
  }));

Deno.test("a user ID, a certification or a signature that the key did not make is left out", () =>
  withGpg(async (home) => {
    const [alice, mallory] = [
      await home.makeKey("Alice <a@a.test>"),
      await home.makeKey("Mallory"),
    ];
    const attestation = await home.attest(DATA, alice);
    const clean = await Keyring.parse(await home.export(alice));
    // What anyone can append: a user ID of Mallory's making, certifications by the score.
    const served = await readKey({ binaryKey: clean.get(alice)!.write() });
    const other = await readKey({
      binaryKey: (await Keyring.parse(await home.export(mallory))).bytes(),
    });
    served.users.push(...other.users);
    for (let i = 0; i < 50; i++) {
      served.users[0]!.otherCertifications.push(...other.users[0]!.selfCertifications);
    }
    notEqual(served.write().length, clean.bytes().length);
    for (const ring of [await Keyring.empty.with(served), await clean.with(served)]) {
      deepEqual(ring.bytes(), clean.bytes());
      match(await describeKey(ring.get(alice)!), /Alice <a@a\.test>$/);
      equal((await verifyAttestation(attestation, ring, new Date())).kind, "good");
    }
  }));

Deno.test("a newer binding signature that does not verify cannot break a known subkey", () =>
  withGpg(async (home) => {
    const key = await home.makeKey("A <a@a.test>", "ed25519", { usage: "cert" });
    await home.run(["--quick-add-key", key, "ed25519", "sign", "never"]);
    const attestation = await home.attest(DATA, key);
    const clean = await Keyring.parse(await home.export(key));
    const served = await readKey({ binaryKey: clean.bytes() });
    const [binding] = served.subkeys[0]!.bindingSignatures;
    const body = binding!.write() as Uint8Array;
    body[body.length - 1]! ^= 1; // In the signature's numbers.
    const { SignaturePacket } = await import("openpgp");
    const forged = new SignaturePacket();
    (forged as unknown as { read(bytes: Uint8Array): void }).read(body);
    served.subkeys[0]!.bindingSignatures = [forged];
    const merged = await clean.with(served);
    equal((await verifyAttestation(attestation, merged, new Date())).kind, "good");
    deepEqual(merged.bytes(), clean.bytes());
  }));

Deno.test("gather() is not misled by a copy of a signature with other data", () =>
  withGpg(async (home) => {
    const key = await home.makeKey("A <a@a.test>");
    const no = await home.attest({ ...DATA, ok: false }, key);
    const shadow = { ...no, data: DATA };
    const ring = await Keyring.parse(await home.export(key));
    const sources = [[shadow], [no], [no]].map((all, i) => ({
      name: `${i}`,
      attestations: () => all,
    }));
    const found = await gather("x", sources, ring, new Date());
    deepEqual(found.map(({ verdict }) => verdict.kind), ["bad", "good"]);
  }));
