/**
 * A C2SP tlog-witness: remembers one checkpoint for each log and cosigns only
 * growth. The handler runs on any host; `main.ts` is the local server.
 *
 * @module
 */

export { createWitness, DEFAULT_FAILURES, MAX_BODY } from "./http.ts";
export type { Sender, WitnessHandler, WitnessOptions } from "./http.ts";
export * from "./judge.ts";
export * from "./logger.ts";
export * from "./logs.ts";
export * from "./store.ts";
export * from "./store_memory.ts";
export { Witness } from "./witness.ts";
export type { Outcome, WitnessParts } from "./witness.ts";
export { policyLines } from "./policy_lines.ts";
export { behindHighWater } from "./rollback.ts";
export { RollbackGuard } from "./rollback_guard.ts";
export { KvStore } from "./store_kv.ts";
export { Cosigner } from "./cosigner.ts";
export { FileWatch } from "./file_watch.ts";
export { HighWater } from "./high_water.ts";
export { Metrics } from "./metrics.ts";
