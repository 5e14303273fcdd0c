/**
 * The operator's log: one line an event on standard error, as text or as JSON.
 * Tokens and keys never get here.
 *
 * @module
 */

import {
  configureSync,
  getJsonLinesFormatter,
  getLogger,
  getTextFormatter,
  type Logger,
  type LogRecord,
} from "@logtape/logtape";

/** How lines are written. */
export type LogFormat = "text" | "json";

/** Sets up logging to standard error; called once by a program. */
export function startLogging(format: LogFormat): Logger {
  const line = format === "json"
    ? getJsonLinesFormatter({ properties: "flatten" })
    : getTextFormatter({
      timestamp: "rfc3339",
      value: (value) => typeof value === "string" ? value : JSON.stringify(value),
    });
  const encoder = new TextEncoder();
  const sink = (record: LogRecord) => {
    // A reader that has gone away must not stop the log.
    try {
      Deno.stderr.writeSync(encoder.encode(line(record)));
    } catch (error) {
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    }
  };
  configureSync({
    sinks: { stderr: sink },
    loggers: [
      { category: "indelible", sinks: ["stderr"], lowestLevel: "info" },
      { category: ["logtape", "meta"], sinks: ["stderr"], lowestLevel: "warning" },
    ],
    reset: true,
  });
  return getLogger("indelible");
}
