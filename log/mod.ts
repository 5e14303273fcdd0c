/**
 * The log, for programs and tests that put one together themselves.
 *
 * @module
 */

export * from "./config.ts";
export * from "./log.ts";
export * from "./log_keys.ts";
export { command, runLog } from "./main.ts";
export * from "./open_storage.ts";
