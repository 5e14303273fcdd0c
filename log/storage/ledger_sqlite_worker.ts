/**
 * The Web Worker that owns the ledger's SQLite database: one message is one
 * method of the contract, answered in order. It runs with no permission but
 * the ledger's own files; `ledger_sqlite.ts` is its other end.
 *
 * It also decides what an error means. After one with an unknown outcome it
 * refuses everything: what it would answer might not be what a restart reads.
 *
 * @module
 */

import { Damaged, HeadMoved, NotStored, type NotStoredReason } from "./failure.ts";
import type { Batch, Head, Refusal } from "./ledger.ts";
import { createDatabase, LedgerDatabase } from "./ledger_sqlite_database.ts";
import { LedgerTables } from "./ledger_sqlite_tables.ts";

/** What the main thread asks. */
export type Call =
  | { readonly method: "create"; readonly path: string }
  | {
    readonly method: "open";
    readonly path: string;
    readonly readOnly: boolean;
  }
  | { readonly method: "load" }
  | {
    readonly method: "initialize";
    readonly origin: string;
    readonly head: Head;
  }
  | { readonly method: "commit"; readonly batch: Batch }
  | { readonly method: "applied"; readonly size: number }
  | {
    readonly method: "publish";
    readonly checkpoint: Uint8Array;
    readonly size: number;
  }
  | { readonly method: "refuse"; readonly refusals: readonly Refusal[] }
  | { readonly method: "refusals"; readonly limit: number }
  | { readonly method: "close" };

/** A call with the number that its answer carries. */
export interface Request {
  /** The number. */
  readonly id: number;
  /** The call. */
  readonly call: Call;
}

/** An error as it crosses to the main thread, where its class is made again. */
export type Failure =
  | {
    readonly kind: "NotStored";
    readonly reason: NotStoredReason;
    readonly message: string;
  }
  | {
    readonly kind: "HeadMoved" | "RangeError" | "Error";
    readonly message: string;
  }
  | {
    readonly kind: "Damaged";
    readonly object: string;
    readonly state: string;
  };

/** The answer to a call. */
export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: Failure };

let database: LedgerDatabase | null = null;
let tables: LedgerTables | null = null;

function answer(call: Call): unknown {
  switch (call.method) {
    case "create":
      return createDatabase(call.path);
    case "open":
      database = new LedgerDatabase(call.path, call.readOnly);
      tables = new LedgerTables(database);
      return;
    case "close":
      database?.close();
      return;
  }
  if (tables === null) throw new Error("Cannot use ledger: it is not open");
  switch (call.method) {
    case "load":
      return tables.load();
    case "initialize":
      return tables.initialize(call.origin, call.head);
    case "commit":
      return tables.commit(call.batch);
    case "applied":
      return tables.applied(call.size);
    case "publish":
      return tables.publish(call.checkpoint, call.size);
    case "refuse":
      return tables.refuse(call.refusals);
    case "refusals":
      return tables.refusals(call.limit);
    default:
      throw new Error(
        `Cannot answer: unknown call ${JSON.stringify(call satisfies never)}`,
      );
  }
}

function toFailure(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof NotStored) {
    return { kind: "NotStored", reason: error.reason, message };
  }
  if (error instanceof HeadMoved) return { kind: "HeadMoved", message };
  if (error instanceof RangeError) return { kind: "RangeError", message };
  if (error instanceof Damaged) {
    return { kind: "Damaged", object: error.object, state: error.state };
  }
  return { kind: "Error", message };
}

self.onmessage = ({ data: { id, call } }: MessageEvent<Request>) => {
  let reply: Answer;
  try {
    reply = { id, value: answer(call) };
  } catch (error) {
    reply = { id, failure: toFailure(error) };
  }
  self.postMessage(reply);
  // Tidying comes after the answer, so that nobody waits for it.
  database?.tidy(call.method);
};
