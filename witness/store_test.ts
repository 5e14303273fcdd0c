import { storeConformance } from "./conformance.ts";
import { KvStore } from "./store_kv.ts";
import { MemoryStore } from "./store_memory.ts";
import { SqliteStore } from "./store_sqlite.ts";

storeConformance("memory", () => {
  const store = new MemoryStore();
  return Promise.resolve({
    open: () => Promise.resolve(store),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});

storeConformance("sqlite", async () => {
  const folder = await Deno.makeTempDir({ prefix: "indelible-witness-" });
  return {
    open: () => Promise.resolve(new SqliteStore(`${folder}/witness.db`)),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
});

storeConformance("kv", async () => {
  const folder = await Deno.makeTempDir({ prefix: "indelible-witness-" });
  return {
    open: async () => await KvStore.open(await Deno.openKv(`${folder}/kv`)),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
});
