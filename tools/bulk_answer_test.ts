import { utf8 } from "@indelible/core";
import assert from "node:assert/strict";
import { type BulkAnswer, readBulkAnswer } from "./bulk_answer.ts";
import { BulkBody } from "./bulk_body.ts";
import { Unreachable } from "./http_client.ts";
import { TryLater } from "./retry.ts";

const URL_ASKED = new URL("http://127.0.0.1:1/admin/bulk/append");
const CHECKSUM = `sha256:${"0".repeat(64)}`;
const FILES = ["a-1.zip", 'quoted".zip', "b-1.zip", "c-1.zip"];

function bodyOf(files: readonly string[]): BulkBody {
  const body = new BulkBody();
  for (const filename of files) body.add({ filename, checksum: CHECKSUM });
  return body;
}

const checkpoint = { type: "checkpoint", checkpoint: "", tree_size: 99 };
const logged = (filename: string, index: unknown) => ({
  type: "result",
  result: { filename, index, status: "logged" },
});
const complete = (count: number) => ({ type: "complete", count });

/** Reads an answer that comes in pieces of so many bytes. */
function read(messages: readonly unknown[], size = 1000, files = FILES): Promise<BulkAnswer> {
  const text = messages.map((one) => typeof one === "string" ? one : JSON.stringify(one));
  const bytes = utf8(text.join("\n") + "\n");
  async function* pieces() {
    for (let at = 0; at < bytes.length; at += size) yield await bytes.slice(at, at + size);
  }
  return readBulkAnswer(URL_ASKED, bodyOf(files), pieces());
}

Deno.test("readBulkAnswer() reads every spelling of a result, in whatever pieces it comes", async () => {
  const existing = { index: 3, checksum: CHECKSUM };
  const messages = [
    checkpoint,
    logged(FILES[0]!, 7),
    logged(FILES[1]!, 8),
    {
      type: "result",
      result: { filename: FILES[2], index: 3, status: "error", error: "no", existing },
    },
    `{ "type": "result", "result": {"status":"logged", "index": 9007199254740991, "filename":"c-1.zip"}}`,
    complete(4),
  ];
  for (const size of [1, 2, 3, 7, 64, 1000]) {
    const { indices, refusals, treeSize } = await read(messages, size);
    assert.deepEqual([...indices], [7, 8, -1, 9007199254740991]);
    assert.deepEqual([...refusals], [[2, { kind: "conflict", existing }]]);
    assert.equal(treeSize, 99);
  }
});

Deno.test("readBulkAnswer() refuses an answer to something else, and one cut off", async () => {
  const files = ["a-1.zip", "b-1.zip"];
  const good = [checkpoint, logged("a-1.zip", 0), logged("b-1.zip", 1), complete(2)];
  const answer = (messages: readonly unknown[]) => read(messages, 1000, files);
  assert.deepEqual([...(await answer(good)).indices], [0, 1]);
  const malformed: unknown[][] = [
    [checkpoint, logged("b-1.zip", 1), logged("a-1.zip", 0), complete(2)],
    [...good.slice(0, 3), logged("c-1.zip", 2), complete(3)],
    [checkpoint, logged("a-1.zip2", 0), logged("b-1.zip", 1), complete(2)],
    [checkpoint, logged("a-1.zi", 0), logged("b-1.zip", 1), complete(2)],
    ...["01", "-1", "1.5", "1e3x", "9007199254740993", "null", '"0"', ""].map((index) => [
      checkpoint,
      JSON.stringify(logged("a-1.zip", 0)).replace('"index":0', `"index":${index}`),
      logged("b-1.zip", 1),
      complete(2),
    ]),
    [checkpoint, JSON.stringify(logged("a-1.zip", 0)) + "x", logged("b-1.zip", 1), complete(2)],
    [checkpoint, JSON.stringify(logged("a-1.zip", 0)).slice(0, -1), logged("b-1.zip", 1)],
  ];
  for (const messages of malformed) {
    await assert.rejects(answer(messages), SyntaxError, JSON.stringify(messages));
  }
  for (const messages of [good.slice(0, 3), good.slice(0, 2), [checkpoint, complete(0)]]) {
    await assert.rejects(answer(messages), Unreachable, JSON.stringify(messages));
  }
  await assert.rejects(answer([...good.slice(0, 3), complete(1)]), Unreachable);
  await assert.rejects(answer([checkpoint, { type: "error", error: "full" }]), TryLater);
});
