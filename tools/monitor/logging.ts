/**
 * The monitor's own log: a structured line an event on standard error, as text or as
 * JSON. What comes from entries is a field of a line, never a line.
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

/** Sets up logging to standard error; called once by the program. */
export function startLogging(format: LogFormat): Logger {
  const line = format === "json"
    ? getJsonLinesFormatter({ properties: "flatten" })
    : getTextFormatter({ timestamp: "rfc3339", value: (value) => JSON.stringify(value) });
  const encoder = new TextEncoder();
  const sink = (record: LogRecord) => {
    // A reader that has gone away must not stop the monitor.
    try {
      const bytes = encoder.encode(line(record));
      for (let at = 0; at < bytes.length;) at += Deno.stderr.writeSync(bytes.subarray(at));
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
  return getLogger(["indelible", "monitor"]);
}
