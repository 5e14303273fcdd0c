import { LogMismatch, parseCheckpoint, parseNote, utf8 } from "@indelible/core";
import { deepEqual, equal, rejects } from "node:assert/strict";
import { inFolder, makeNumberedLog, POLICY } from "../_testing.ts";
import { OlderThanHead } from "../trusted_head.ts";
import type { Alert } from "./alerts/alert.ts";
import { Conditions } from "./conditions.ts";
import { StateFile } from "./state.ts";
import { Troubles } from "./troubles.ts";

const noteOf = (size: number): Uint8Array => makeNumberedLog(size).objects.get("checkpoint")!;
const origin = parseCheckpoint(parseNote(noteOf(1)).text).origin;

/** Runs with troubles that are told into a list. */
async function withTroubles(
  test: (troubles: Troubles, told: readonly Alert[]) => Promise<void>,
): Promise<void> {
  await inFolder(async (folder) => {
    const told: Alert[] = [];
    const now = () => 1_800_000_000_000;
    using file = await StateFile.open(folder, origin, now());
    await file.swap({ seen: noteOf(20) });
    const raise = (alert: Alert) => Promise.resolve(told.push(alert) > 0);
    const conditions = new Conditions(file, raise, now);
    const base = { origin, policy: POLICY, now };
    await test(new Troubles({ file, conditions, base, unreachableAfter: 0 }), told);
  });
}

/** A log that fails whatever it is asked. */
const fetch = () => Promise.reject(new Error("the log answers 500"));

Deno.test("a log that serves nothing more cannot hold an alert up", () =>
  withTroubles(async (troubles, told) => {
    const from = { fetch, signal: new AbortController().signal };
    await troubles.mismatch(new LogMismatch("tile/0/000 is wrong"), noteOf(20), from);
    await troubles.older(new OlderThanHead("it is older"), noteOf(10), from);
    const evidence = told.map(({ kind, evidence }) => [kind, evidence?.kind]);
    deepEqual(evidence, [["root-mismatch", undefined], ["not-accepted", "not-accepted"]]);
  }));

Deno.test("a monitor that is stopped tells the alert with its evidence when it runs again", () =>
  withTroubles(async (troubles, told) => {
    const stopped = AbortSignal.abort(new Error("stopped"));
    const mismatch = new LogMismatch("tile/0/000 is wrong");
    await rejects(troubles.mismatch(mismatch, noteOf(20), { fetch, signal: stopped }), /stopped/);
    equal(told.length, 0);
    const { objects } = makeNumberedLog(20);
    objects.set("tile/0/000.p/20", utf8("x".repeat(640)));
    const wrong = (path: string) => Promise.resolve(objects.get(path) ?? null);
    const { signal } = new AbortController();
    await troubles.mismatch(mismatch, noteOf(20), { fetch: wrong, signal });
    deepEqual(told.map(({ evidence }) => evidence?.kind), ["root-mismatch"]);
  }));
