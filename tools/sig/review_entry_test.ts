import { formatEntry, parseEntry, parseHex } from "@indelible/core";
import { deepEqual, equal, throws } from "node:assert/strict";
import { type Attestation, attestationDigest } from "./attestation.ts";
import { demandLogged } from "./demand.ts";
import type { Statement } from "./judge.ts";
import { digestOf, isAbout, ownSubject, reviewEntry, reviewIn } from "./review_entry.ts";

const HEX = "5141b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be92";
const KEY = "DFDD705124843F878C6183EBD8C1B99DB32780D9";

function says(id: string, comment = "", key = KEY): Attestation {
  return { data: { id, ok: true, reviewed: true, comment }, key, sig: new Uint8Array([1]) };
}

Deno.test("reviewEntry() makes an entry of a file that says digest and key and nothing else", () => {
  const review = says(`sha256:${HEX}`);
  const subject = { ecosystem: "pypi", file: "a-1.zip", digest: parseHex(HEX) };
  const bytes = formatEntry(reviewEntry(review, subject));
  equal(
    new TextDecoder().decode(bytes),
    `artifact-transparency/v2\necosystem pypi\nevent review\nfile a-1.zip\nsha256 ${HEX}\n` +
      `publisher openpgp ${KEY}\nattestation ${attestationDigest(review)}\n`,
  );
  const entry = parseEntry(bytes);
  const attestation = attestationDigest(review);
  deepEqual(reviewIn(7n, entry), { index: 7n, attestation, reviewer: KEY });
  equal(reviewIn(7n, { ...entry, event: "yank" }), null);
  const other = { issuer: "https://issuer.test", subject: KEY };
  equal(reviewIn(7n, { ...entry, publisher: other })!.reviewer, null);
});

Deno.test("what no log has as a file is logged under its identity, a folder never as a file", () => {
  for (const id of [`sha256:${HEX}`, `sha256-folder:${HEX}`]) {
    const subject = ownSubject(id);
    parseEntry(formatEntry(reviewEntry(says(id), subject)));
    equal(isAbout(id, subject), true);
  }
  const file = { ecosystem: "pypi", file: "a-1.zip", digest: parseHex(HEX) };
  equal(isAbout(`sha256:${HEX}`, file), true);
  equal(isAbout(`sha256-folder:${HEX}`, file), false);
  equal(isAbout(`sha256:${HEX}`, ownSubject(`sha256-folder:${HEX}`)), false);
  equal(isAbout(`sha256:${"0".repeat(64)}`, file), false);
  equal(digestOf("sha512:00"), null);
  throws(() => ownSubject("sha512:00"), /no log can have what has no SHA-256/);
});

Deno.test("demandLogged() wants each review under its own key, and tells what it was not shown", () => {
  const [one, two] = [says("sha256:00", "1"), says("sha256:00", "2")];
  const [a, b] = [one, two].map(attestationDigest) as [string, string];
  const statements = [{ attestation: one }] as unknown as Statement[];
  const logged = (attestation: string, reviewer: string | null) => ({
    subject: null,
    reviews: [{ index: 3n, attestation, reviewer }],
  });
  const isLogged = (about: Parameters<typeof demandLogged>[1]) =>
    demandLogged(statements, about).statements.map(({ isLogged }) => isLogged);
  deepEqual(isLogged(logged(a, KEY)), [true]);
  deepEqual(isLogged(logged(a, null)), [false]);
  deepEqual(isLogged(logged(a, "0".repeat(40))), [false]);
  deepEqual(isLogged(logged(b, KEY)), [false]);
  deepEqual([...demandLogged(statements, logged(a, KEY)).withheld], []);
  deepEqual([...demandLogged(statements, logged(b, KEY)).withheld], [KEY]);
  const nobody = demandLogged(statements, logged(b, null));
  deepEqual([[...nobody.withheld], nobody.unseen.length], [[], 1]);
});
