/**
 * A witness on SQLite that dies by SIGKILL at one point of a request, for
 * `witness_process_test.ts`: `deno run crash_witness.ts DATABASE WHEN SIZE VKEY…`,
 * where WHEN is `before-commit`, `after-commit` or `never`.
 */

import { KeyType } from "@indelible/core";
import { createWitness } from "@indelible/witness";
import { SqliteStore } from "../witness/store_sqlite.ts";
import { testKey } from "./growing_log.ts";

const [database, when, size, ...vkeys] = Deno.args;
const store = new SqliteStore(database!);
const swap = store.swap.bind(store);

function dieAt(point: string, at: bigint): void {
  if (when === point && at === BigInt(size!)) Deno.kill(Deno.pid, "SIGKILL");
}

store.swap = (origin, expected, next) => {
  dieAt("before-commit", next.size);
  return swap(origin, expected, next);
};
const { fetch } = await createWitness({
  store,
  keys: [testKey("witness.example/crash", KeyType.ed25519Cosignature)],
  logs: vkeys.map((vkey) => ({ origin: vkey.split("+")[0]!, vkeys: [vkey] })),
  onCommitted: (_, size) => dieAt("after-commit", size),
});
Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(`listening on ${port}`),
}, (request) => fetch(request));
