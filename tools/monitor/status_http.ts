/**
 * How the monitor is: `/healthz` for whoever starts it again, `/metrics` in Prometheus'
 * text form. Labels are the origins that it was started with, and the channels; nothing
 * that a log says becomes a label.
 *
 * @module
 */

import type { Logger } from "@logtape/logtape";
import type { Outbox } from "./alerts/outbox.ts";
import type { Listen } from "./flags.ts";
import type { Limits } from "./head_conditions.ts";
import type { LogMonitor } from "./log_monitor.ts";

/** What is told of. */
export interface StatusParts {
  /** The logs. */
  readonly monitors: readonly LogMonitor[];
  /** The alerts. */
  readonly outbox: Pick<Outbox, "state">;
  /** When to worry. */
  readonly limits: Pick<Limits, "lagAfter">;
  /** Told where it listens. */
  readonly logger: Logger;
}

/** Serves both. */
export function serveStatus(listen: Listen, parts: StatusParts): AsyncDisposable {
  const started = Date.now();
  const server = Deno.serve({
    ...listen,
    onListen: ({ hostname, port }) =>
      parts.logger.info("status is served at {url}", { url: `http://${hostname}:${port}` }),
  }, (request) => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return new Response("only GET\n", { status: 405, headers: { allow: "GET, HEAD" } });
    }
    const headers = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };
    switch (new URL(request.url).pathname) {
      case "/healthz": {
        const late = lateOnes(parts, started, Date.now());
        return late.length === 0
          ? new Response("ok\n", { headers })
          : new Response(late.map((why) => `${why}\n`).join(""), { status: 503, headers });
      }
      case "/metrics":
        return new Response(metricsText(parts), { headers });
      default:
        return new Response("there is nothing here\n", { status: 404, headers });
    }
  });
  return { [Symbol.asyncDispose]: () => server.shutdown() };
}

/** Why the monitor is not well: it has not been through with a log for too long. */
function lateOnes({ monitors, limits }: StatusParts, started: number, now: number): string[] {
  return monitors.flatMap(({ origin, passedAt, failure }) => {
    const last = Math.max(passedAt, started);
    if (now - last <= limits.lagAfter) return [];
    const since = new Date(last).toISOString();
    return [`${origin} was not verified since ${since}${failure === null ? "" : `: ${failure}`}`];
  });
}

function metricsText({ monitors, outbox }: StatusParts): string {
  const lines: string[] = [];
  const metric = (
    name: string,
    type: "gauge" | "counter",
    help: string,
    samples: readonly (readonly [labels: string, value: number])[],
  ) => {
    lines.push(
      `# HELP indelible_monitor_${name} ${help}`,
      `# TYPE indelible_monitor_${name} ${type}`,
    );
    for (const [labels, value] of samples) {
      lines.push(`indelible_monitor_${name}${labels} ${value}`);
    }
  };
  const each = (value: (monitor: LogMonitor) => number) =>
    monitors.map((monitor) => [label("origin", monitor.origin), value(monitor)] as const);
  const { raised, pending, failures } = outbox.state();
  const byChannel = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts).map(([channel, count]) => [label("channel", channel), count] as const);
  metric("seen_size", "gauge", "Size of the newest accepted checkpoint.", each((m) => m.seenSize));
  metric(
    "verified_size",
    "gauge",
    "Entries of which all was computed again.",
    each((m) => m.state.statements.size),
  );
  metric(
    "passed_seconds",
    "gauge",
    "When a pass last came through.",
    each((m) => m.passedAt / 1000),
  );
  metric(
    "ok",
    "gauge",
    "Whether the last pass came through.",
    each((m) => m.failure === null ? 1 : 0),
  );
  metric(
    "conditions",
    "gauge",
    "Conditions that were told and are not over.",
    each((m) => m.conditions.length),
  );
  metric("alerts_total", "counter", "Alerts raised, all time.", [["", raised]]);
  metric("deliveries_pending", "gauge", "Alerts not delivered yet.", byChannel(pending));
  metric("delivery_failures_total", "counter", "Deliveries that failed.", byChannel(failures));
  return lines.join("\n") + "\n";
}

function label(name: string, value: string): string {
  return `{${name}="${value.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")}"}`;
}
