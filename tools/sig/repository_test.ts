import { utf8 } from "@indelible/core";
import { deepEqual, equal, match, throws } from "node:assert/strict";
import { type Attestation, attestationDigest, attestationJson } from "./attestation.ts";
import { formatPythonJson, type PythonObject } from "./python_json.ts";
import {
  EMPTY_REPOSITORY,
  formatRepository,
  judgeUpdate,
  parseRepository,
  withAttestations,
} from "./repository.ts";

const KEY = "A".repeat(40);

function signed(data: PythonObject, key = KEY, sig = [1]): Attestation {
  return { data, key, sig: Uint8Array.from(sig) };
}

function review(id: string, sig: number): Attestation {
  return signed({ id, ok: true, reviewed: true }, KEY, [sig]);
}

/** A repository of reviews, as it is read. */
function repositoryOf(reviews: readonly Attestation[], key = KEY) {
  const empty = parseRepository(formatRepository(signed(EMPTY_REPOSITORY, key)));
  return parseRepository(formatRepository(signed(withAttestations(empty, reviews), key)));
}

Deno.test("a repository is written as Python writes it, and read again", () => {
  equal(
    new TextDecoder().decode(formatRepository(signed(EMPTY_REPOSITORY))),
    `{"data": {"attestations": {}, "version": "0.0.1"}, "key": "${KEY}", "sig": "AQ=="}`,
  );
  const reviews = [review("a", 1), review("a", 2), review("constructor", 3)];
  const { attestations } = repositoryOf(reviews);
  deepEqual([...attestations.keys()], ["a", "constructor"]);
  deepEqual(attestations.get("a")!.map(attestationDigest), [
    attestationDigest(reviews[0]!),
    attestationDigest(reviews[1]!),
  ]);
  equal(attestations.get("toString"), undefined);
});

Deno.test("parseRepository() names what is wrong", () => {
  const about = (id: string, item: PythonObject) =>
    formatPythonJson(attestationJson(signed({ attestations: { [id]: [item] }, version: "0.0.1" })));
  const one = attestationJson(review("a", 1));
  for (
    const [bytes, why] of [
      [utf8("[]"), /must be a JSON object/],
      [about("b", one), /about "a" is filed under "b"/],
      [about("a", { ...one, key: KEY.slice(1) }), /full fingerprint/],
      [about("a", { ...one, sig: "AQ" }), /canonical base64/],
      [about("a", { ...one, sig: 1 }), /"sig" must be/],
      [about("a", { ...one, data: [] }), /"data" must be an object/],
      [about("\u001b", one), /filed under "\\u\{1b\}"/],
    ] as const
  ) throws(() => parseRepository(bytes), why);
});

Deno.test("judgeUpdate() accepts what has grown, and nothing that lost or went back", () => {
  const at = (time: number, reviews: readonly Attestation[], key = KEY) => ({
    repository: repositoryOf(reviews, key),
    created: new Date(time),
  });
  const [a, b] = [review("a", 1), review("b", 2)];
  const last = at(2000, [a]);
  const why = (update: ReturnType<typeof judgeUpdate>) => "why" in update ? update.why : "";
  equal(judgeUpdate(last, at(2000, [a])).kind, "same");
  equal(judgeUpdate(last, at(3000, [a, b])).kind, "accept");
  match(why(judgeUpdate(last, at(1000, [a, b]))), /rolled back: signed at 1970/);
  match(why(judgeUpdate(last, at(3000, [b]))), /drops 1 attestation seen before, about a/);
  match(why(judgeUpdate(at(2000, [a, b]), at(3000, []))), /drops 2 attestations/);
  match(
    why(judgeUpdate(last, at(3000, [a, b], "B".repeat(40)))),
    /is signed by B+, was signed by A+/,
  );
  // The same words under another signature are another attestation.
  match(why(judgeUpdate(last, at(3000, [review("a", 9)]))), /drops 1/);
});
