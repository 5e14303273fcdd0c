import { formatEntry, parsePolicy, utf8 } from "@indelible/core";
import { equal, ok, rejects } from "node:assert/strict";
import { inFolder, LOG_KEY, makeLog, POLICY, publication, type TestLog } from "./_testing.ts";
import { HeadFiles } from "./head_files.ts";
import { HeadMemory, type HeadStore, TrustedHead } from "./trusted_head.ts";

const NOW = 1_700_000_000;
const POLICY_OF_TESTS = parsePolicy(utf8(POLICY));

/** A log of `size` publications; of another history when `seed` is another. */
function logOf(size: number, { seed = "a", at = NOW }: { seed?: string; at?: number | null } = {}) {
  const entries = Array.from(
    { length: size },
    (_, n) => formatEntry(publication(`f-${n}.zip`, `${seed}${n}`)),
  );
  return makeLog(entries, at === null ? undefined : BigInt(at));
}

/** The head of a user who is shown `log`. */
function headOn(store: HeadStore, log: TestLog, maxAge?: number): TrustedHead {
  const fetch = (path: string) => Promise.resolve(log.objects.get(path) ?? null);
  return new TrustedHead(POLICY_OF_TESTS, store, fetch, {
    now: () => NOW,
    ...(maxAge !== undefined && { maxAge }),
  });
}

const show = (store: HeadStore, log: TestLog, maxAge?: number) =>
  headOn(store, log, maxAge).accept(log.objects.get("checkpoint")!);

const stores = (test: (store: HeadStore, again: () => HeadStore) => Promise<void>) => async () => {
  const memory = new HeadMemory();
  await test(memory, () => memory);
  await inFolder((folder) => test(new HeadFiles(folder), () => new HeadFiles(folder)));
};

Deno.test(
  "a head moves forward by proven consistency, and stays where it is",
  stores(async (store, again) => {
    for (const size of [1, 2, 2, 300, 600, 600]) {
      equal((await show(store, logOf(size))).verdict.checkpoint.size, BigInt(size));
    }
    await show(again(), logOf(601));
  }),
);

Deno.test(
  "an older checkpoint is refused, and the head stays",
  stores(async (store, again) => {
    await show(store, logOf(5));
    await rejects(show(again(), logOf(4)), {
      name: "OlderThanHead",
      message: /size 4, older .* size 5/,
    });
    await show(store, logOf(5));
  }),
);

for (const [what, size] of [["of the same size", 5], ["that is larger", 700]] as const) {
  Deno.test(
    `another history ${what} is refused for ever, with evidence`,
    stores(async (store, again) => {
      await show(store, logOf(5));
      const forked = logOf(size, { seed: "b" });
      await rejects(show(store, forked), { name: "SplitView", message: /two histories/ });
      // Whatever it shows from now on, and to whichever process.
      for (const log of [forked, logOf(5), logOf(6)]) {
        await rejects(show(again(), log), { name: "SplitView" });
      }
      const evidence = await again().evidence(LOG_KEY.name);
      ok(evidence);
      equal(
        new TextDecoder().decode(evidence.shown),
        new TextDecoder().decode(forked.objects.get("checkpoint")),
      );
      equal(evidence.origin, LOG_KEY.name);
    }),
  );
}

Deno.test("a growth whose tiles are not those of the signed root is refused, and proves nothing", async () => {
  const store = new HeadMemory();
  await show(store, logOf(5));
  const log = logOf(600);
  for (const [path, tile] of log.objects) {
    if (path.startsWith("tile/0/000")) log.objects.set(path, tile.with(3, tile[3]! ^ 1));
  }
  await rejects(show(store, log), {
    name: "TreeNotServed",
    message: /does not serve the tree it signed/,
  });
  equal(await store.evidence(LOG_KEY.name), null);
  await show(store, logOf(600));
});

Deno.test("a checkpoint without the quorum is refused, by whatever key of the log it is signed", async () => {
  const store = new HeadMemory();
  await show(store, logOf(5));
  for (const size of [5, 6]) {
    await rejects(show(store, logOf(size, { at: null, seed: "b" })), {
      name: "NotAccepted",
      message: /quorum/,
    });
  }
  equal(await store.evidence(LOG_KEY.name), null, "what no witness saw is evidence of nothing");
});

Deno.test("stale cosignatures and those from the future are refused", async () => {
  const store = new HeadMemory();
  await show(store, logOf(1, { at: NOW - 1000 }));
  await rejects(show(store, logOf(2, { at: NOW - 1000 }), 900), {
    name: "NotAccepted",
    message: /stale/,
  });
  await rejects(show(store, logOf(2, { at: NOW + 1000 })), {
    name: "NotAccepted",
    message: /future/,
  });
  await show(store, logOf(2, { at: NOW - 100 }), 900);
});

Deno.test("two processes that accept at once both end at the larger head", () =>
  inFolder(async (folder) => {
    const [a, b] = [new HeadFiles(folder), new HeadFiles(folder)];
    await show(a, logOf(3));
    const both = await Promise.allSettled([show(a, logOf(4)), show(b, logOf(5))]);
    ok(both.some(({ status }) => status === "fulfilled"));
    await rejects(show(a, logOf(3)), { name: "OlderThanHead" });
    await show(b, logOf(5));
  }));

Deno.test("a kept head that is damaged is not passed over", () =>
  inFolder(async (folder) => {
    await show(new HeadFiles(folder), logOf(3));
    for (const { name } of Deno.readDirSync(folder)) {
      if (name.endsWith(".checkpoint")) Deno.writeTextFileSync(`${folder}/${name}`, "nothing");
    }
    await rejects(show(new HeadFiles(folder), logOf(4)), /Cannot use trusted head/);
  }));
