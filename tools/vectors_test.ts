import assert from "node:assert/strict";
import { UsageError } from "@indelible/core/command";
import { VECTOR_OPS, type VectorFile } from "./vector_ops.ts";
import { runVectors } from "./vectors.ts";

const VECTORS = new URL("../tests/vectors", import.meta.url).pathname;

/** Runs `act` on a folder that holds these files. */
async function withFolder(
  files: Record<string, unknown>,
  act: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, content] of Object.entries(files)) {
      const text = typeof content === "string" ? content : JSON.stringify(content);
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    await act(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function readVectorFile(topic: string): Promise<VectorFile> {
  return JSON.parse(await Deno.readTextFile(`${VECTORS}/${topic}.json`));
}

const HEAD = { format: "tlog-vectors/1", topic: "merkle", set: "test" };
const LEAF = {
  name: "leaf",
  op: "leaf_hash",
  in: { entry_b64: "" },
  want: { hash: "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=" },
};

Deno.test("runVectors() passes every vector of the formats, by every operation", async () => {
  const ran = new Set<string>();
  const { passed, failures } = await runVectors(VECTORS, {
    onCase: (file, { op }) => ran.add(`${file.replace(".json", "")}/${op}`),
  });
  assert.deepEqual(failures, []);
  assert.equal(passed, 1804);
  assert.deepEqual([...ran].sort(), Object.keys(VECTOR_OPS).sort());
});

Deno.test("runVectors() fails every case whose verdict or field is another", async () => {
  // One case of each operation and kind of want, each with one thing changed.
  const changed: Record<string, unknown> = {};
  let count = 0;
  for (const topic of new Set(Object.keys(VECTOR_OPS).map(topicOf))) {
    if (topic === "witness") continue; // Its cases start programs.
    const file = await readVectorFile(topic);
    const seen = new Set<string>();
    const cases: unknown[] = [];
    for (const vector of file.cases) {
      const kind = [vector.op, ...Object.keys(vector.want).sort()].join();
      if (seen.has(kind) || vector.want["result"] === "either") continue;
      seen.add(kind);
      for (const want of wrongWants(vector.want)) {
        cases.push({ ...vector, name: `${cases.length}`, want });
        count++;
      }
    }
    // The unchanged cases hold the keys that some operations look up.
    changed[`${topic}.json`] = { ...file, cases };
  }
  await withFolder(changed, async (folder) => {
    const passed: string[] = [];
    await runVectors(folder, {
      onCase(file, { op, want }, why) {
        if (why === null) passed.push(`${file} ${op} ${JSON.stringify(want)}`);
      },
    });
    assert.deepEqual(passed, []);
  });
  assert.ok(count > 80, `only ${count} changes were tried`);
});

const topicOf = (key: string): string => key.split("/")[0]!;

/** Each want that differs in one field or in the verdict. */
function wrongWants(want: Record<string, unknown>): Record<string, unknown>[] {
  const wrong: Record<string, unknown>[] = [];
  if (want["result"] === "accept") wrong.push({ result: "reject" });
  if (want["result"] === "reject") wrong.push({ result: "accept" });
  for (const [name, value] of Object.entries(want)) {
    if (name === "result" || name === "error") continue;
    if (Array.isArray(value)) {
      wrong.push({ ...want, [name]: [...value, "x"] });
      if (value.length > 0) wrong.push({ ...want, [name]: value.slice(1) });
    } else {
      wrong.push({ ...want, [name]: `${value}x` });
      if (typeof value === "number") wrong.push({ ...want, [name]: value + 1 });
    }
    if (name === "extra_b64") wrong.push({ ...want, [name]: undefined });
  }
  return wrong;
}

Deno.test("runVectors() counts an unknown operation as failed", async () => {
  const vector = { ...LEAF, want: { result: "either" } };
  const names = ["leaf_hashed", "toString", "__proto__"];
  const cases = names.map((op) => ({ ...vector, name: op, op }));
  await withFolder({ "a.json": { ...HEAD, cases } }, async (folder) => {
    const { passed, failed } = await runVectors(folder);
    assert.deepEqual({ passed, failed }, { passed: 0, failed: 3 });
  });
});

Deno.test("runVectors() counts either as passed unless it crashes", async () => {
  const cases = [
    { ...LEAF, name: "runs", want: { result: "either" } },
    {
      ...LEAF,
      name: "refuses",
      in: { entry_b64: "?" },
      want: { result: "either" },
    },
    {
      ...LEAF,
      name: "crashes",
      in: { entry_b64: {} },
      want: { result: "either" },
    },
    { ...LEAF, name: "odd result", want: { result: "maybe" } },
  ];
  await withFolder({ "a.json": { ...HEAD, cases } }, async (folder) => {
    const { passed, failures } = await runVectors(folder);
    assert.equal(passed, 2);
    assert.deepEqual(failures.map(({ name }) => name), [
      "crashes",
      "odd result",
    ]);
  });
});

Deno.test("runVectors() takes further operations", async () => {
  const file = {
    ...HEAD,
    topic: "other",
    cases: [{ ...LEAF, op: "scenario" }],
  };
  await withFolder({ "other.json": file }, async (folder) => {
    assert.equal((await runVectors(folder)).failed, 1);
    const ops = { "other/scenario": () => Promise.resolve(LEAF.want) };
    assert.equal((await runVectors(folder, { ops })).passed, 1);
  });
});

Deno.test("runVectors() refuses a folder without vectors and malformed files", async () => {
  await assert.rejects(runVectors("/nowhere"), {
    name: "Error", // Exit code 1, as of every path that is not there.
    message: "Cannot read vectors /nowhere: there is no such file",
  });
  const file = { ...HEAD, cases: [LEAF] };
  await withFolder({ "a.txt": file, "b.json": { a: 1 } }, async (folder) => {
    await assert.rejects(runVectors(folder), UsageError);
  });
  for (
    const malformed of [
      "{",
      "\ufeff" + JSON.stringify(file),
      { ...file, format: "tlog-vectors/2" },
      { ...file, topic: undefined },
      { ...file, cases: {} },
      { ...file, cases: [null] },
      { ...file, cases: [{ ...LEAF, in: [] }] },
      { ...file, cases: [LEAF, LEAF] },
    ]
  ) {
    await withFolder(
      { "a.json": file, "b.json": malformed },
      async (folder) => {
        await assert.rejects(runVectors(folder), {
          name: "SyntaxError",
          message: /^Cannot parse vectors: b\.json: [^\n]+$/,
        });
      },
    );
  }
});
