/**
 * Signatures of GnuPG, judged here and by `gpg --verify`: what we call good, it does
 * too; where it is the milder of the two, the table says what is wrong.
 */

import { deepEqual, equal, match, notEqual } from "node:assert/strict";
import { enums, readKey } from "openpgp";
import { requirePeer } from "../../tests/peers/peers.ts";
import { GpgHome } from "./_testing.ts";
import { type Attestation, signedBytes } from "./attestation.ts";
import { Keyring } from "./keyring.ts";
import { type Verdict, verifyAttestation } from "./openpgp_verify.ts";

const DATA = { id: "sha256:00", ok: true, reviewed: true };
const LONG_AGO = "--faked-system-time=20200101T000000";

interface Case {
  readonly name: string;
  readonly attestation: Attestation;
  /** The keys that both sides know. */
  readonly keys: Uint8Array<ArrayBuffer>;
  /** gpg's word for it, by its status lines. */
  readonly gpg: string;
  /** Ours. */
  readonly ours: Verdict["kind"];
  /** What we say is wrong. */
  readonly why?: RegExp;
}

/** What `gpg --verify` says, in a home that knows nothing but the keys. */
async function askGpg({ attestation, keys }: Case): Promise<string> {
  await using home = await GpgHome.make();
  const [data, sig] = [`${home.folder}/data`, `${home.folder}/sig`];
  await Deno.writeFile(data, signedBytes(attestation.data));
  await Deno.writeFile(sig, attestation.sig);
  await home.try(["--import"], keys);
  const { stdout } = await home.try(["--status-fd=1", "--verify", sig, data]);
  const lines = new TextDecoder().decode(stdout).split("\n");
  const words = lines.map((line) => line.split(" ")[1]);
  const [...verdicts] = words.filter((word) =>
    /^(?:GOOD|BAD|EXP|EXPKEY|REVKEY|ERR)SIG$/.test(word ?? "")
  );
  const valid = lines.find((line) => line.startsWith("[GNUPG:] VALIDSIG "))?.split(" ");
  const claimed = attestation.key;
  // The original compares what signed with what is claimed, and so does gpg's user.
  if (valid && valid[2] !== claimed && valid.at(-1) !== claimed) return "another key";
  return verdicts.join(" ");
}

async function holds(one: Case): Promise<void> {
  const { name, attestation, keys, gpg, ours, why } = one;
  const verdict = await verifyAttestation(attestation, await Keyring.parse(keys), new Date());
  const told = verdict.kind === "good" ? "" : verdict.why;
  equal(verdict.kind, ours, `${name}: ${told}`);
  if (why) match(`${name}: ${told}`, why);
  const said = await askGpg(one);
  equal(said, gpg, name);
  if (verdict.kind === "good") equal(said, "GOODSIG", name);
}

/** Changes one byte near the end, in the signature's numbers. */
function withFlippedBit(sig: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const copy = sig.slice();
  copy[copy.length - 5]! ^= 1;
  return copy;
}

async function each(make: (home: GpgHome) => AsyncGenerator<Case>): Promise<void> {
  if (await requirePeer("gpg") === null) return;
  await using home = await GpgHome.make();
  for await (const one of make(home)) await holds(one);
}

Deno.test("signatures of every kind of key that counts are good, as gpg says", () =>
  each(async function* (home) {
    for (const kind of ["rsa2048", "ed25519", "nistp256", "brainpoolP256r1"]) {
      const key = await home.makeKey(`A <${kind}@a.test>`, kind);
      const keys = await home.export(key);
      const attestation = await home.attest(DATA, key);
      yield { name: kind, attestation, keys, gpg: "GOODSIG", ours: "good" };
      if (kind !== "ed25519") continue;
      const other = { ...attestation, data: { ...DATA, ok: false } };
      yield { name: "data", attestation: other, keys, gpg: "BADSIG", ours: "bad" };
      const flipped = { ...attestation, sig: withFlippedBit(attestation.sig) };
      yield { name: "flipped", attestation: flipped, keys, gpg: "BADSIG", ours: "bad" };
      const text = await home.attest(DATA, key, ["--textmode"]);
      const why = /another type/;
      yield { name: "text", attestation: text, keys, gpg: "GOODSIG", ours: "bad", why };
    }
  }));

Deno.test("what is too weak is refused, though gpg takes it", () =>
  each(async function* (home) {
    const rsa = await home.makeKey("A <a@a.test>", "rsa2048");
    const keys = await home.export(rsa);
    const sha1 = await home.attest(DATA, rsa, ["--digest-algo=SHA1"]);
    const why = /hash algorithm: SHA1/;
    yield { name: "SHA-1", attestation: sha1, keys, gpg: "GOODSIG", ours: "bad", why };
    const md5 = await home.attest(DATA, rsa, ["--allow-weak-digest-algos", "--digest-algo=MD5"]);
    yield { name: "MD5", attestation: md5, keys, gpg: "ERRSIG", ours: "bad", why: /MD5/ };
    const small = await home.makeKey("B <b@b.test>", "rsa1024");
    const short = { keys: await home.export(small), attestation: await home.attest(DATA, small) };
    yield { ...short, name: "rsa1024", gpg: "GOODSIG", ours: "bad", why: /2047 bits/ };
    const edwards = await home.makeKey("D <d@d.test>");
    const weak = await home.attest(DATA, edwards, ["--digest-algo=SHA1"]);
    const eddsa = { keys: await home.export(edwards), attestation: weak };
    yield { ...eddsa, name: "EdDSA", gpg: "GOODSIG", ours: "bad", why: /too weak/ };
    const curve = await home.makeKey("C <c@c.test>", "secp256k1");
    const ecdsa = { keys: await home.export(curve), attestation: await home.attest(DATA, curve) };
    yield { ...ecdsa, name: "curve", gpg: "GOODSIG", ours: "bad", why: /secp256k1/ };
  }));

Deno.test("another key's signature, an unknown key's and two at once are refused", () =>
  each(async function* (home) {
    const [a, b] = [await home.makeKey("A <a@a.test>"), await home.makeKey("B <b@b.test>")];
    const [signed, other] = [await home.attest(DATA, a), await home.attest(DATA, b)];
    const keys = await home.export(a, b);
    const claimed = { ...signed, key: b };
    const another = { gpg: "another key", ours: "bad", why: /not by/ } as const;
    yield { name: "claimed", attestation: claimed, keys, ...another };
    const unknown = { gpg: "ERRSIG", ours: "unknown-key", why: /not known/ } as const;
    yield { name: "unknown", attestation: signed, keys: await home.export(b), ...unknown };
    const sig = Uint8Array.from([...signed.sig, ...other.sig]);
    const both = { ...signed, sig };
    const two = { gpg: "GOODSIG GOODSIG", ours: "bad", why: /2 signatures/ } as const;
    yield { name: "two", attestation: both, keys, ...two };
    for (const sig of [new Uint8Array(3), signed.sig.subarray(0, 40), signed.sig.slice(0, -1)]) {
      const cut = { ...signed, sig };
      const verdict = await verifyAttestation(cut, await Keyring.parse(keys), new Date());
      equal(verdict.kind, "bad");
    }
  }));

Deno.test("what expired counts for nothing, key or signature, and gpg says so", () =>
  each(async function* (home) {
    const late = { expires: "1d", options: [LONG_AGO] };
    const key = await home.makeKey("A <a@a.test>", "ed25519", late);
    const attestation = await home.attest(DATA, key, [LONG_AGO]);
    const keys = await home.export(key);
    const expired = { gpg: "EXPKEYSIG", ours: "expired-key", why: /2020-01-02/ } as const;
    yield { name: "key", attestation, keys, ...expired };
    const old = await home.makeKey("B <b@b.test>", "rsa2048", { options: [LONG_AGO] });
    const short = await home.attest(DATA, old, [LONG_AGO, "--default-sig-expire=1d"]);
    const ended = { gpg: "EXPSIG", ours: "expired-signature", why: /2020-01-02/ } as const;
    yield { name: "signature", attestation: short, keys: await home.export(old), ...ended };
    await home.run([LONG_AGO, "--quick-add-key", old, "ed25519", "sign", "1d"]);
    const [, subkey] = await home.fingerprints(old);
    const bySubkey = { ...await home.attest(DATA, `${subkey}!`, [LONG_AGO]), key: old };
    yield { name: "subkey", attestation: bySubkey, keys: await home.export(old), ...expired };
    // The key's day is moved: what it signed before counts again.
    await home.run(["--quick-set-expire", key, "0"]);
    const moved = { gpg: "GOODSIG", ours: "good" } as const;
    yield { name: "moved", attestation, keys: await home.export(key), ...moved };
  }));

Deno.test("what a revoked key says counts for nothing, whenever it said it", () =>
  each(async function* (home) {
    const key = await home.makeKey("A <a@a.test>");
    const attestation = await home.attest(DATA, key);
    const before = await home.export(key);
    const folder = `${home.folder}/openpgp-revocs.d`;
    const certificate = await Deno.readTextFile(`${folder}/${key}.rev`);
    const usable = certificate.replace(/^:---/m, "---");
    await home.run(["--import"], new TextEncoder().encode(usable));
    const revoked = { gpg: "REVKEYSIG", ours: "revoked-key" } as const;
    const after = await home.export(key);
    yield { name: "key", attestation, keys: after, ...revoked };
    // A server that leaves the revocation out does not undo it.
    const merged =
      (await (await Keyring.parse(after)).with((await Keyring.parse(before)).get(key)!))
        .bytes();
    yield { name: "merged", attestation, keys: merged, ...revoked };
    const other = await home.makeKey("B <b@b.test>");
    await home.run(["--quick-add-key", other, "ed25519", "sign", "never"]);
    const [, subkey] = await home.fingerprints(other);
    const bySubkey = { ...await home.attest(DATA, `${subkey}!`), key: other };
    await revokeSubkey(home, other);
    yield { name: "subkey", attestation: bySubkey, keys: await home.export(other), ...revoked };
  }));

async function revokeSubkey(home: GpgHome, key: string): Promise<void> {
  const answers = "key 1\nrevkey\ny\n0\n\ny\nsave\n";
  const child = new Deno.Command("gpg", {
    args: ["--no-tty", "--quiet", "--command-fd=0", "--status-fd=2", "--edit-key", key],
    env: home.env,
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(answers));
  await writer.close();
  const { code, stderr } = await child.output();
  equal(code, 0, new TextDecoder().decode(stderr));
}

Deno.test("a signing subkey signs for its primary key, if it says so itself", () =>
  each(async function* (home) {
    const key = await home.makeKey("A <a@a.test>", "ed25519", { usage: "cert" });
    await home.run(["--quick-add-key", key, "ed25519", "sign", "never"]);
    const [, subkey] = await home.fingerprints(key);
    const attestation = await home.attest(DATA, key);
    const keys = await home.export(key);
    const good = { gpg: "GOODSIG", ours: "good" } as const;
    yield { name: "primary", attestation, keys, ...good };
    // The original names the subkey with a GnuPG of today.
    yield { name: "subkey", attestation: { ...attestation, key: subkey! }, keys, ...good };
    const verdict = await verifyAttestation(
      { ...attestation, key: subkey! },
      await Keyring.parse(keys),
      new Date(),
    );
    deepEqual(verdict.kind === "good" && verdict.signer, key);
    // Without the back-signature anyone could take the subkey for theirs.
    const stripped = await withoutBackSignature(keys);
    const missing = { gpg: "ERRSIG", ours: "bad", why: /embedded signature/ } as const;
    yield { name: "back-signature", attestation, keys: stripped, ...missing };
  }));

async function withoutBackSignature(
  keys: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const EMBEDDED = 32;
  const key = await readKey({ armoredKey: new TextDecoder().decode(keys) });
  const [binding] = key.subkeys[0]!.bindingSignatures;
  type Raw = { type: number }[];
  const all = binding!.unhashedSubpackets as unknown as Raw;
  const left = all.filter(({ type }) => type !== EMBEDDED);
  notEqual(left.length, all.length, "GnuPG keeps it among what is not hashed");
  binding!.unhashedSubpackets = left as never;
  equal(binding!.signatureType, enums.signature.subkeyBinding);
  return key.write() as Uint8Array<ArrayBuffer>;
}
