import { utf8 } from "@indelible/core";
import fc from "fast-check";
import assert from "node:assert/strict";
import { eachLine, lineBlocks } from "./line_blocks.ts";

async function linesOf(text: string, sizes: readonly number[]): Promise<string[]> {
  const bytes = utf8(text);
  const lines: string[] = [];
  async function* pieces() {
    const buffer = new Uint8Array(bytes.length); // Used again and again, as readers do.
    for (let at = 0, i = 0; at < bytes.length; i++) {
      const piece = bytes.subarray(at, at += sizes[i % sizes.length]!);
      buffer.set(piece);
      yield await buffer.subarray(0, piece.length);
    }
  }
  for await (const block of lineBlocks(pieces(), 100)) {
    eachLine(block, (start, end) => lines.push(new TextDecoder().decode(block.slice(start, end))));
  }
  return lines;
}

Deno.test("lineBlocks() gives the same lines however the bytes come", () =>
  fc.assert(fc.asyncProperty(
    fc.array(fc.string({ unit: fc.constantFrom("a", "b", "é"), maxLength: 9 }), { maxLength: 20 }),
    fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
    fc.boolean(),
    async (lines, sizes, newline) => {
      const text = lines.join("\n") + (newline ? "\n" : "");
      const expected = text.split("\n");
      if (expected.at(-1) === "") expected.pop(); // A final newline ends a line and begins none.
      assert.deepEqual(await linesOf(text, sizes), expected);
    },
  )));

Deno.test("lineBlocks() refuses a line without an end", async () => {
  await assert.rejects(linesOf("a\n" + "b".repeat(1000), [50]), /longer than 100 bytes/);
});
