/**
 * Real attestations verify, and none of them with any part changed.
 */

import { encodeBase64, parseBase64, parseJson } from "@indelible/core";
import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { attested, readAsset, SDIST, WHEEL } from "../../tests/provenance_assets.ts";
import { asObject } from "../json_members.ts";
import { parseProvenance } from "./attestation.ts";
import { loadTrustedRoot, type TrustedRoot } from "./trusted_root.ts";
import { type AttestedFile, NotVerified, verifyAttestation } from "./verify_attestation.ts";

const ROOT = await loadTrustedRoot();
const GITHUB = "https://token.actions.githubusercontent.com";
const RELEASE = "https://github.com/trailofbits/pypi-attestations/.github/workflows/release.yml";

function verify(json: unknown, file: AttestedFile, root: TrustedRoot = ROOT) {
  const [attestation] = parseProvenance(new TextEncoder().encode(JSON.stringify(json)));
  return verifyAttestation(attestation!, file, root);
}

Deno.test("a real publish attestation verifies, and says which workflow uploaded the file", async () => {
  const [attestation] = parseProvenance(await readAsset(`${SDIST.filename}.provenance`));
  deepEqual(verifyAttestation(attestation!, SDIST, ROOT), {
    kind: "publish",
    issuer: GITHUB,
    subject: `${RELEASE}@refs/tags/v0.0.19`,
    repository: "https://github.com/trailofbits/pypi-attestations",
    commit: "08802efe1f8e5fec4ad842d6b8ce97656092ee72",
    ref: "refs/tags/v0.0.19",
    workflow: `${RELEASE}@refs/tags/v0.0.19`,
    environment: null,
    signed: "2024-12-04T23:14:01.000Z",
  });
});

Deno.test("a real build attestation verifies, and is told apart", async () => {
  const [attestation] = parseProvenance(await readAsset(`${SDIST.filename}.slsa.attestation`));
  const { kind, subject } = verifyAttestation(attestation!, SDIST, ROOT);
  deepEqual([kind, subject], ["build", `${RELEASE}@refs/tags/v0.0.19`]);
});

Deno.test("attestations of other issuers verify", async () => {
  const issuers = new Map([
    [WHEEL.filename, [".provenance", "https://oidc.circleci.com"]],
    ["gitlab_oidc_project-0.0.3.tar.gz", [".publish.attestation", "https://gitlab.com"]],
    ["gcb_attestation_test-0.0.0.tar.gz", [".provenance", "https://accounts.google.com"]],
  ]);
  for (const [filename, [suffix, issuer]] of issuers) {
    const [attestation] = parseProvenance(await readAsset(filename + suffix));
    const file = { filename, sha256: attested(attestation!) };
    const claims = verifyAttestation(attestation!, file, ROOT);
    deepEqual([claims.kind, claims.issuer], ["publish", issuer]);
  }
});

// deno-lint-ignore no-explicit-any -- its members are changed at will.
type Changeable = any;

async function changeable(): Promise<Changeable> {
  const { attestation_bundles } = JSON.parse(
    new TextDecoder().decode(await readAsset(`${SDIST.filename}.provenance`)),
  );
  return attestation_bundles[0].attestations[0];
}

/** Each bytes member of an attestation: how to reach it, and what is said of a change. */
const PARTS: readonly [string, (a: Changeable) => [Changeable, string | number], RegExp][] = [
  ["statement", (a) => [a.envelope, "statement"], /another statement|statement/],
  ["signature", (a) => [a.envelope, "signature"], /another statement|signature/],
  ["certificate", (a) => [a.verification_material, "certificate"], /certificate|malformed/],
  ["log entry", (a) => [entryOf(a), "canonicalizedBody"], /transparency log/],
  ["log id", (a) => [entryOf(a).logId, "keyId"], /transparency log/],
  [
    "timestamp's signature",
    (a) => [entryOf(a).inclusionPromise, "signedEntryTimestamp"],
    /did not sign for this entry at that time/,
  ],
  ["first hash", (a) => [entryOf(a).inclusionProof.hashes, 0], /not proven to be/],
  ["last hash", (a) => [entryOf(a).inclusionProof.hashes, 12], /not proven to be/],
];

const entryOf = (a: Changeable): Changeable => a.verification_material.transparency_entries[0];

for (const [name, reach, why] of PARTS) {
  Deno.test(`one bit changed in its ${name}: not verified`, async () => {
    const whole = reach(await changeable());
    const { length } = parseBase64(whole[0][whole[1]]);
    // Every part of it, not every bit: a try takes some milliseconds.
    const places = Array.from({ length: 24 }, (_, i) => Math.floor(i * (length - 1) / 23));
    for (const at of new Set(places)) {
      const attestation = await changeable();
      const [holder, member] = reach(attestation);
      const bytes = parseBase64(holder[member]);
      bytes[at]! ^= 1;
      holder[member] = encodeBase64(bytes);
      throws(() => verify(attestation, SDIST), (error) => {
        ok(error instanceof NotVerified, `${name}, byte ${at}: ${error}`);
        match(error.message, why);
        return true;
      });
    }
  });
}

Deno.test("another time, index or checkpoint: not verified", async () => {
  const changes: ((entry: Changeable) => void)[] = [
    (entry) => entry.integratedTime = String(Number(entry.integratedTime) + 1),
    (entry) => entry.logIndex = String(Number(entry.logIndex) + 1),
    (entry) => entry.inclusionProof.logIndex = String(Number(entry.inclusionProof.logIndex) + 1),
    (entry) => entry.inclusionProof.hashes.pop(),
    (entry) => delete entry.inclusionProof,
    // Nobody says when it was signed, then.
    (entry) => delete entry.inclusionPromise,
    (entry) => entry.kindVersion.version = "0.0.2",
    (entry) => {
      const { checkpoint } = entry.inclusionProof;
      checkpoint.envelope = checkpoint.envelope.replace(/\n([0-9]+)\n/, "\n9$1\n");
    },
    (entry) => {
      const { checkpoint } = entry.inclusionProof;
      checkpoint.envelope = checkpoint.envelope.split("\n\n")[0] + "\n\n";
    },
  ];
  for (const [i, change] of changes.entries()) {
    const attestation = await changeable();
    change(entryOf(attestation));
    throws(() => verify(attestation, SDIST), NotVerified, `change ${i}`);
  }
});

Deno.test("another file, or other bytes: not verified", async () => {
  const attestation = await changeable();
  const other = { ...SDIST, filename: "pypi_attestations-0.0.20.tar.gz" };
  throws(() => verify(attestation, other), /about another file, pypi_attestations-0\.0\.19/);
  const bytes = { ...SDIST, sha256: "0".repeat(64) };
  throws(() => verify(attestation, bytes), /about other bytes, sha256:9bb1add0/);
});

Deno.test("another authority's certificate, or one from after the authority's end: not verified", async () => {
  const staging = "rfc8785-0.1.2-py3-none-any.whl";
  const [attestation] = parseProvenance(await readAsset(`${staging}.publish.attestation`));
  const file = { filename: staging, sha256: attested(attestation!) };
  throws(() => verifyAttestation(attestation!, file, ROOT), /not one of the trusted authority's/);
  const changes: ((root: Changeable) => void)[] = [
    (root) => root.certificateAuthorities[1].validFor.end = "2023-01-01T00:00:00Z",
    (root) => root.tlogs[0].publicKey.validFor.end = "2023-01-01T00:00:00Z",
    (root) => root.ctlogs[1].publicKey.validFor.end = "2023-01-01T00:00:00Z",
    (root) => root.tlogs.shift(),
  ];
  const path = await Deno.makeTempFile();
  try {
    for (const [i, change] of changes.entries()) {
      const url = new URL("trusted_root.json", import.meta.url);
      const root = JSON.parse(await Deno.readTextFile(url));
      change(root);
      await Deno.writeTextFile(path, JSON.stringify(root));
      const ended = await loadTrustedRoot(path);
      throws(() => verify(real, SDIST, ended), NotVerified, `change ${i}`);
    }
  } finally {
    await Deno.remove(path);
  }
});

const real = await changeable();

Deno.test("malformed provenance is refused, naming the member", async () => {
  const parse = (json: unknown) => parseProvenance(new TextEncoder().encode(JSON.stringify(json)));
  const attestation = await changeable();
  throws(() => parseProvenance(new TextEncoder().encode("{")), SyntaxError);
  throws(() => parse([]), /provenance must be a JSON object/);
  throws(() => parse({ ...attestation, version: 2 }), /"version" must be 1/);
  throws(() => parse({ version: 1, attestation_bundles: {} }), /"attestation_bundles"/);
  throws(() => parse({ ...attestation, envelope: null }), /"envelope"/);
  throws(
    () => parse({ ...attestation, envelope: { ...attestation.envelope, statement: "A" } }),
    /"statement" must be base64/,
  );
  const none = { ...attestation.verification_material, transparency_entries: [] };
  throws(() => parse({ ...attestation, verification_material: none }), /"transparency_entries"/);
  const many = { attestations: Array(17).fill(attestation) };
  throws(() => parse({ version: 1, attestation_bundles: [many] }), /at most 16/);
  throws(() => parseProvenance(new Uint8Array((1 << 20) + 1)), /at most 1 MiB/);
  const strange = { ...attestation.verification_material, transparency_entries: [{ logId: 3 }] };
  throws(() => verify({ ...attestation, verification_material: strange }, SDIST), NotVerified);
});

Deno.test("a trusted root that is none is refused", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "{}");
    await loadTrustedRoot(path).then(
      () => ok(false, "it must be refused"),
      (error) =>
        match(error.message, /--trusted-root .*"certificateAuthorities" must not be empty/),
    );
  } finally {
    await Deno.remove(path);
  }
  equal(asObject(parseJson(await readAsset(`${SDIST.filename}.provenance`)), "it")["version"], 1);
});
