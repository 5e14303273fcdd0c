import { utf8 } from "@indelible/core";
import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { join } from "node:path";
import { inFolder } from "../_testing.ts";
import type { Alert } from "./alerts/alert.ts";
import { Conditions } from "./conditions.ts";
import { formatState, type LogState, newState, parseState, StateFile } from "./state.ts";

const STATE: LogState = {
  ...newState("log.test/state", 5),
  seen: utf8("a note"),
  head: utf8("an older note"),
  edge: { size: 5n, hashes: [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)] },
  statements: { size: 5, sum: "0123456789abcdef" },
  publishers: { lib: { leafIndex: 3, publisher: "i s" }, other: { leafIndex: 4, publisher: null } },
  witnesses: { W: { cosignedAt: 7, missingSince: null } },
  conditions: { fork: { since: 8, alert: null } },
};

Deno.test("parseState() reads what formatState() writes, and no part of it", () => {
  const bytes = formatState(STATE);
  deepEqual(parseState(bytes), { ...STATE, seen: utf8("a note"), head: utf8("an older note") });
  for (let length = 0; length < bytes.length - 2; length++) {
    throws(() => parseState(bytes.subarray(0, length)), SyntaxError, `${length} bytes`);
  }
  const fewer = { ...STATE, edge: { ...STATE.edge, hashes: [new Uint8Array(32)] } };
  throws(() => parseState(formatState(fewer)), /"edge" must have a hash for each/);
});

Deno.test("a state moves by compare-and-swap, and one process at a time has it", () =>
  inFolder(async (folder) => {
    const { origin } = STATE;
    {
      using file = await StateFile.open(folder, origin, 5);
      deepEqual(file.state, newState(origin, 5));
      await file.swap({ seen: STATE.seen });
      await rejects(StateFile.open(folder, origin, 5), /another monitor is using it/);
      const path = join(folder, "state.json");
      const bytes = await Deno.readFile(path);
      await Deno.writeFile(path, formatState(STATE));
      await rejects(file.swap({ head: STATE.head }), /somebody else has changed it/);
      deepEqual(await Deno.readFile(path), new Uint8Array(formatState(STATE)));
      await Deno.writeFile(path, bytes);
      await file.swap({ head: STATE.head });
    }
    using file = await StateFile.open(folder, origin, 6);
    deepEqual(file.state, { ...newState(origin, 5), seen: STATE.seen, head: STATE.head });
    await rejects(StateFile.open(folder, "log.test/other", 5));
  }));

Deno.test("a condition is told once for each time that it holds, wherever the process dies", () =>
  inFolder(async (folder) => {
    let now = 1_000;
    let dies = 0;
    const told = new Map<string, Alert>();
    const raise = (alert: Alert): Promise<boolean> => {
      const isNew = !told.has(alert.id);
      told.set(alert.id, alert);
      if (dies-- === 1) throw new Error("killed");
      return Promise.resolve(isNew);
    };
    /** Holds or ends in a process of its own, which dies once on its way. */
    async function observe(holds: boolean): Promise<void> {
      for (const fatal of [1, 0]) {
        dies = fatal;
        using file = await StateFile.open(folder, "log.test/state", now);
        const conditions = new Conditions(file, raise, () => now);
        const condition = { kind: "log-unreachable", after: 100 } as const;
        await conditions.set(holds, condition, () => ({ summary: "silence" })).catch(() => {});
        now += 10;
      }
    }
    await observe(true);
    equal(told.size, 0, "not long enough");
    await observe(false);
    equal(told.size, 0, "what was not told is not over");
    for (let occurrence = 1; occurrence <= 2; occurrence++) {
      await observe(true);
      now += 100;
      for (let i = 0; i < 3; i++) await observe(true);
      equal(told.size, 2 * occurrence - 1);
      for (let i = 0; i < 3; i++) await observe(false);
      equal(told.size, 2 * occurrence);
    }
    const kinds = [...told.values()].map(({ kind }) => kind);
    deepEqual(kinds, ["log-unreachable", "resolved", "log-unreachable", "resolved"]);
  }));
