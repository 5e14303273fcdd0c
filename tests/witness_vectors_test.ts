/**
 * The witness scenarios of the test vectors, each over HTTP against a fresh
 * witness: every store, both kinds of keys, and the entry for Deno Deploy.
 */

import { KeyType, type SignerKey, utf8 } from "@indelible/core";
import { createWitness, KvStore, MemoryStore, type WitnessStore } from "@indelible/witness";
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { type FinalState, runScenario, type Scenario } from "../tools/witness_scenario.ts";
import { PostgresStore } from "../witness/store_postgres.ts";
import { SqliteStore } from "../witness/store_sqlite.ts";
import { testKey } from "./growing_log.ts";
import { type Postgres, startPostgres } from "./peers/postgres.ts";
import { runProgram } from "./programs.ts";
import { inFolder } from "./temporary.ts";
import { DATABASE, startHost, startWitness, writeKeys } from "./witness_program.ts";

interface ScenarioCase {
  readonly name: string;
  readonly in: Scenario;
  readonly want: { readonly final: Readonly<Record<string, FinalState>> };
}

const FILE = new URL("./vectors/witness.json", import.meta.url);
const CASES: readonly ScenarioCase[] = JSON.parse(await Deno.readTextFile(FILE)).cases;
const NAME = "witness.example/vectors";
const ED25519 = testKey(NAME, KeyType.ed25519Cosignature);
const ML_DSA_44 = testKey(NAME, KeyType.mlDsa44);

/** Serves a witness over a store and runs a scenario against it. */
async function runOver(
  store: WitnessStore,
  { in: scenario, want }: ScenarioCase,
  keys: readonly SignerKey[],
): Promise<void> {
  const { fetch: handle } = await createWitness({ store, keys, logs: scenario.logs });
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request, { remoteAddr }) => handle(request, { address: remoteAddr.hostname }),
  );
  try {
    await runAgainst(`http://127.0.0.1:${server.addr.port}`, { in: scenario, want }, keys);
  } finally {
    await server.shutdown();
    await store.close();
  }
}

async function runAgainst(
  url: string,
  { in: scenario, want }: Pick<ScenarioCase, "in" | "want">,
  keys: readonly SignerKey[],
): Promise<void> {
  const send = (path: string, init?: RequestInit) => fetch(url + path, init);
  assert.deepEqual(await runScenario(scenario, { send, keys }), want.final);
}

/** One server for all scenarios. */
let postgres: Promise<Postgres | null> | undefined;

Deno.test.afterAll(async () => {
  await (await postgres)?.stop();
});

Deno.test("there are nine witness scenarios", () => {
  assert.equal(CASES.length, 9);
});

for (const vector of CASES) {
  const test = (what: string, run: () => Promise<void>) =>
    Deno.test(`witness scenario ${vector.name} holds ${what}`, run);

  test("in memory", () => runOver(new MemoryStore(), vector, [ED25519]));
  test("with both kinds of keys", () => runOver(new MemoryStore(), vector, [ED25519, ML_DSA_44]));
  test("with an ML-DSA-44 key alone", () => runOver(new MemoryStore(), vector, [ML_DSA_44]));
  test("on SQLite", () =>
    inFolder((folder) => runOver(new SqliteStore(`${folder}/witness.db`), vector, [ED25519])));
  test("on Deno KV", () =>
    inFolder(async (folder) => {
      const kv = await Deno.openKv(`${folder}/kv`);
      await runOver(await KvStore.open(kv), vector, [ED25519]);
    }));
  test("on PostgreSQL", async () => {
    const server = await (postgres ??= startPostgres());
    if (server === null) return;
    const store = await PostgresStore.open(await server.newDatabase());
    await runOver(store, vector, [ED25519]);
  });
  test("through the entry for Deno Deploy", () =>
    inFolder(async (folder) => {
      const logs = vector.in.logs.flatMap(({ origin, vkeys }) =>
        vkeys.map((vkey) => `${origin} ${vkey}\n`)
      );
      // Nobody serves these logs: there is nothing to compare with.
      const settings = { keys: [ED25519, ML_DSA_44], logs: logs.join(""), accept: true };
      await using server = await startHost({ database: `${folder}/kv`, ...settings });
      await runAgainst(server.url, vector, settings.keys);
    }));
}

Deno.test("a scenario fails against a witness that cosigns everything", async () => {
  const happy = CASES.find(({ name }) => name === "happy-path")!;
  const store = new MemoryStore();
  const { fetch: handle } = await createWitness({ store, keys: [ED25519], logs: happy.in.logs });
  const send = async (path: string, init?: RequestInit) => {
    const response = await handle(new Request(`http://witness${path}`, init));
    return response.status === 409 ? new Response(utf8("140\n")) : response;
  };
  const scenario = runScenario(happy.in, { send, keys: [ED25519] });
  await assert.rejects(scenario, {
    name: "ScenarioFailure",
    message: /^step stale-old-zero: want 409, got 200/,
  });
});

Deno.test("vectors runs one scenario against a witness that is named, which keeps its state", () =>
  inFolder(async (folder) => {
    const { in: { logs } } = CASES.find(({ name }) => name === "proofs")!;
    const list = logs.flatMap(({ origin, vkeys }) => vkeys.map((vkey) => `${origin} ${vkey}\n`));
    await writeKeys(folder);
    await Deno.writeTextFile(`${folder}/logs`, list.join(""));
    await using witness = await startWitness(folder, DATABASE, "--log-list=logs");
    const vectors = (...flags: string[]) =>
      runProgram("vectors", [fileURLToPath(new URL("./vectors", import.meta.url)), ...flags], {
        cwd: folder,
      });
    const url = `--witness-url=${witness.url}`;
    const named = [url, "--witness-public-key=witness.pub"];
    const first = await vectors(...named, "--case=proofs");
    assert.deepEqual([first.code, first.stdout], [0, "1 passed, 0 failed\n"], first.stderr);
    const second = await vectors(...named, "--case=proofs");
    assert.equal(second.code, 1, "it is not fresh any more");
    assert.match(
      second.stdout,
      /^FAILED witness\.json scenario proofs: step .*\n0 passed, 1 failed\n$/,
    );
    const other = await vectors(...named, "--case=happy-path");
    assert.equal(other.code, 1, "it does not know these logs");
    assert.equal((await vectors(...named)).code, 2);
    assert.equal((await vectors(url, "--case=proofs")).code, 2);
  }));
