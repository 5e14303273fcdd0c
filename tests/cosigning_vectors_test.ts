/**
 * The cosignature and policy vectors over HTTP: a witness on each store answers
 * with the very line that is wanted, and what a log serves meets a policy or not.
 */

import {
  formatAddCheckpoint,
  formatSignatureLine,
  formatVkey,
  KeyType,
  openNote,
  parseBase64,
  parseUtf8,
  parseVkey,
  type SignerKey,
  signerKey,
  signerOf,
  utf8,
  verifierOf,
} from "@indelible/core";
import { createWitness, KvStore, MemoryStore, type WitnessStore } from "@indelible/witness";
import assert from "node:assert/strict";
import { runHere } from "../tools/_testing.ts";
import { command as witnessStatus } from "../tools/witness_status.ts";
import { PostgresStore } from "../witness/store_postgres.ts";
import { SqliteStore } from "../witness/store_sqlite.ts";
import { testKey } from "./growing_log.ts";
import { type Postgres, startPostgres } from "./peers/postgres.ts";
import { inFolder } from "./temporary.ts";
import { post, startHost } from "./witness_program.ts";

interface Vector {
  readonly name: string;
  readonly op: string;
  readonly in: Readonly<Record<string, string>>;
  readonly want: Readonly<Record<string, string>>;
}

async function vectorsOf(topic: string, op: string): Promise<Vector[]> {
  const file = new URL(`./vectors/${topic}.json`, import.meta.url);
  const { cases } = JSON.parse(await Deno.readTextFile(file));
  return cases.filter((vector: Vector) => vector.op === op);
}

const COSIGN = await vectorsOf("cosignature", "cosign");
const CHECK_POLICY = await vectorsOf("policy", "check_policy");
/** Any log's key: what it signs is the vector's text, whatever the key's name. */
const LOG_KEY = testKey("log.example/vectors");

/** A vector's witness, the log that its text is of, and the request for it. */
function requestOf(vector: Vector) {
  const { name, seed_b64, text_b64 } = vector.in;
  const key = signerKey(name!, KeyType.ed25519Cosignature, parseBase64(seed_b64!));
  const text = parseUtf8(parseBase64(text_b64!));
  const [origin] = text.split("\n");
  // By hand: a text that is no note's cannot be signed as one.
  const { name: signer, keyId, sign } = signerOf(LOG_KEY, () => 0n);
  const line = formatSignatureLine({ name: signer, keyId, signature: sign(text) });
  const checkpoint = utf8(`${text}\n${line}`);
  const body = formatAddCheckpoint({ oldSize: 0n, proof: [], checkpoint });
  return { key, text, log: { origin: origin!, vkeys: [formatVkey(LOG_KEY)] }, body };
}

/** Whether our witness refuses a text by choice: it has extension lines. */
const isExtended = (text: string) => text.split("\n").length > 4;

/** Runs every cosign vector, each on a store of its own. */
async function cosignOver(open: () => Promise<WitnessStore>): Promise<void> {
  let cosigned = 0;
  for (const vector of COSIGN) {
    const { key, text, log, body } = requestOf(vector);
    const store = await open();
    const now = () => BigInt(vector.in["timestamp"]!);
    const { fetch } = await createWitness({ store, keys: [key], logs: [log], now });
    const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    const server = Deno.serve(options, (request) => fetch(request));
    try {
      const answer = await post(`http://127.0.0.1:${server.addr.port}`, body);
      const wanted = vector.want["result"] === "accept" && !isExtended(text);
      assert.equal(answer.status, wanted ? 200 : 400, `${vector.name}: ${answer.text}`);
      if (!wanted) continue;
      assert.deepEqual(utf8(answer.text), parseBase64(vector.want["line_b64"]!), vector.name);
      cosigned++;
    } finally {
      await server.shutdown();
      await store.close();
    }
  }
  assert.equal(cosigned, 12);
}

let postgres: Promise<Postgres | null> | undefined;

Deno.test.afterAll(async () => {
  await (await postgres)?.stop();
});

Deno.test("cosign vectors hold over HTTP in memory", () =>
  cosignOver(() => Promise.resolve(new MemoryStore())));

Deno.test("cosign vectors hold over HTTP on SQLite", () =>
  inFolder(async (folder) => {
    let count = 0;
    await cosignOver(() => Promise.resolve(new SqliteStore(`${folder}/${count++}.db`)));
  }));

Deno.test("cosign vectors hold over HTTP on Deno KV", () =>
  inFolder(async (folder) => {
    let count = 0;
    await cosignOver(async () => await KvStore.open(await Deno.openKv(`${folder}/${count++}`)));
  }));

Deno.test("cosign vectors hold over HTTP on PostgreSQL", async () => {
  const server = await (postgres ??= startPostgres());
  if (server === null) return;
  await cosignOver(async () => await PostgresStore.open(await server.newDatabase()));
});

Deno.test("the texts of the cosign vectors are cosigned by the entry for Deno Deploy", () =>
  inFolder(async (folder) => {
    // Its clock is the host's: the line differs by its time, and verifies as the vector's does.
    const texts = new Map<string, Vector>();
    for (const vector of COSIGN) texts.set(vector.in["text_b64"]!, vector);
    let cosigned = 0;
    for (const vector of texts.values()) {
      const { key, text, log, body } = requestOf(vector);
      if (vector.want["result"] !== "accept" || isExtended(text)) continue;
      const settings: { keys: SignerKey[]; logs: string; accept: true } = {
        keys: [key],
        logs: `${log.origin} ${log.vkeys[0]}\n`,
        accept: true,
      };
      await using witness = await startHost({ database: `${folder}/${cosigned++}`, ...settings });
      const answer = await post(witness.url, body);
      assert.equal(answer.status, 200, answer.text);
      const verifier = verifierOf(parseVkey(vector.want["vkey"]!));
      assert.equal(openNote(utf8(`${text}\n${answer.text}`), [verifier]).kind, "verified");
    }
    assert.equal(cosigned, 3);
  }));

Deno.test("policy vectors decide over HTTP what witness-status says of a log", () =>
  inFolder(async (folder) => {
    let note = new Uint8Array();
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () => new Response(note),
    );
    const log = `--log=http://127.0.0.1:${server.addr.port}`;
    const codes = new Set<number>();
    for (const { name, in: input, want } of CHECK_POLICY) {
      note = Uint8Array.from(parseBase64(input["msg_b64"]!));
      await Deno.writeFile(`${folder}/policy`, parseBase64(input["policy_b64"]!));
      const { code, stdout, stderr } = await runHere(witnessStatus, [
        `--policy=${folder}/policy`,
        log,
      ]);
      assert.equal(code, want["result"] === "accept" ? 0 : 1, `${name}: ${stdout}${stderr}`);
      codes.add(code);
    }
    assert.equal(codes.size, 2);
  }));
