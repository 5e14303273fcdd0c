/**
 * Structured log lines: an event with fields, as text for people or as one JSON
 * object a line for programs. What a client sent is excerpted before it is
 * printed, so it cannot forge a line.
 *
 * @module
 */

import { excerpt } from "@indelible/core";

/** How a line is written. */
export type LogFormat = "text" | "json";
/** How much a line matters. */
export type LogLevel = "info" | "warn" | "error";
/** What a line says besides its event. */
export type LogFields = Readonly<Record<string, string | number | bigint>>;

/** Writes one event. */
export type Logger = (
  level: LogLevel,
  event: string,
  fields?: LogFields,
) => void;

/** A logger that writes nothing. */
export const silentLogger: Logger = () => {};

/**
 * Makes a logger.
 *
 * @param format How a line is written.
 * @param write Where a line goes, without its newline.
 * @param now The time.
 */
export function makeLogger(
  format: LogFormat,
  write: (line: string) => void,
  now: () => Date = () => new Date(),
): Logger {
  return (level, event, fields = {}) => {
    const time = now().toISOString();
    if (format === "json") {
      const values = Object.entries(fields).map(([name, value]) => [
        name,
        typeof value === "bigint" ? `${value}` : value,
      ]);
      write(JSON.stringify({
        time,
        level,
        event,
        ...Object.fromEntries(values),
      }));
      return;
    }
    const words = Object.entries(fields).map(([name, value]) => `${name}=${spell(`${value}`)}`);
    write([time, level.toUpperCase(), event, ...words].join(" "));
  };
}

function spell(value: string): string {
  return /^[\w.:/+-]+$/.test(value) ? value : `"${excerpt(value, 1_000)}"`;
}
