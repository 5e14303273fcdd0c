import assert from "node:assert/strict";
import fc from "fast-check";
import { mutations, parseOrRefuse, RUNS } from "./_testing.ts";
import {
  type AddCheckpoint,
  formatAddCheckpoint,
  MAX_PROOF_HASHES,
  parseAddCheckpoint,
} from "./add_checkpoint.ts";
import { concat, encodeBase64, MAX_INT63, parseUtf8, utf8 } from "./bytes.ts";
import { EMPTY_ROOT } from "./hash.ts";

const HASH = encodeBase64(EMPTY_ROOT);
const NOTE = "log\n5\nroot\n\n— log AAAAAAAA\n\nold 7\n\n";

const parse = (body: string): AddCheckpoint => parseAddCheckpoint(utf8(body));

Deno.test("parseAddCheckpoint() reads what formatAddCheckpoint() writes", () => {
  const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const request: fc.Arbitrary<AddCheckpoint> = fc.record({
    oldSize: fc.bigInt({ min: 0n, max: MAX_INT63 }),
    proof: fc.array(hash, { maxLength: MAX_PROOF_HASHES }),
    checkpoint: fc.uint8Array({ maxLength: 50 }), // Verbatim, whatever it is.
  }, { noNullPrototype: true });
  fc.assert(
    fc.property(request, (request) => {
      const parsed = parseAddCheckpoint(formatAddCheckpoint(request));
      assert.deepEqual(parsed, request);
    }),
    { numRuns: RUNS },
  );
});

Deno.test("parseAddCheckpoint() takes no second spelling", () => {
  const body = formatAddCheckpoint({
    oldSize: 20n,
    proof: [EMPTY_ROOT, EMPTY_ROOT],
    checkpoint: utf8(NOTE),
  });
  for (const changed of mutations(body)) {
    const parsed = parseOrRefuse(() => parseAddCheckpoint(changed));
    if (parsed) assert.deepEqual(formatAddCheckpoint(parsed), changed);
  }
});

Deno.test("parseAddCheckpoint() ends the head at the first blank line", () => {
  const { oldSize, proof, checkpoint } = parse(`old 5\n${HASH}\n\n${NOTE}`);
  assert.equal(oldSize, 5n);
  assert.deepEqual(proof, [EMPTY_ROOT]);
  assert.equal(parseUtf8(checkpoint), NOTE);
  assert.equal(parse("old 0\n\n\n").checkpoint.length, 1);
});

Deno.test("parseAddCheckpoint() limits the proof to 63 hashes", () => {
  const body = (count: number) => `old 1\n${`${HASH}\n`.repeat(count)}\n`;
  assert.equal(parse(body(63)).proof.length, 63);
  assert.throws(() => parse(body(64)), SyntaxError);
  assert.throws(() => parse(body(5000)), SyntaxError);
});

Deno.test("parseAddCheckpoint() refuses malformed heads", () => {
  for (
    const head of [
      "",
      "\n",
      "\n\n",
      "old 5",
      "old 5\n",
      "\n\nold 5\n\n",
      "old\n\n",
      "old \n\n",
      "old  5\n\n",
      "old 5 \n\n",
      "Old 5\n\n",
      "new 5\n\n",
      "old 05\n\n",
      "old +5\n\n",
      "old -1\n\n",
      "old 0x5\n\n",
      `old ${2n ** 63n}\n\n`,
      `old ${2n ** 64n}\n\n`,
      "old 5\r\n\r\n",
      "\ufeffold 5\n\n",
      `old 5\n${HASH.slice(0, -1)}\n\n`,
      `old 5\n${HASH} \n\n`,
      `old 5\n${HASH}${HASH}\n\n`,
      `old 5\n${encodeBase64(new Uint8Array(31))}\n\n`,
      `old 5\n${encodeBase64(new Uint8Array(33))}\n\n`,
      `old 5\n${HASH.replace("=", "F")}\n\n`,
      `old 5\n${HASH.replace("U=", "V=")}\n\n`, // Bits that no byte takes.
      "old 5\nold 6\n\n",
    ]
  ) assert.throws(() => parse(head), SyntaxError, JSON.stringify(head));
  const notUtf8 = concat(utf8("old 5\n"), Uint8Array.of(0xff), utf8("\n\n"));
  assert.throws(() => parseAddCheckpoint(notUtf8), SyntaxError);
});
