/**
 * Runs the monitor: one outbox for all logs, and for each log a loop of its own, so that
 * one that is sick does not hold up the others.
 *
 * @module
 */

import type { Logger } from "@logtape/logtape";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type LogSource, openObjects } from "../log_source.ts";
import { Pace } from "../recover/budget.ts";
import { Registry } from "../recover/registry.ts";
import type { Alert } from "./alerts/alert.ts";
import { openChannels } from "./alerts/channels.ts";
import { Outbox } from "./alerts/outbox.ts";
import { ArtifactState } from "./artifact_state.ts";
import { ArtifactCheck } from "./artifacts.ts";
import { AuthorisedFile } from "./authorised.ts";
import type { MonitorFlags } from "./flags.ts";
import { LogMonitor } from "./log_monitor.ts";
import { type FollowedLog, logFolder } from "./logs.ts";
import type { Rule } from "./rules.ts";
import { serveStatus } from "./status_http.ts";

/** What a run is made of. */
export interface RunParts {
  /** The flags. */
  readonly flags: MonitorFlags;
  /** The rules. */
  readonly rules: readonly Rule[];
  /** The logs. */
  readonly logs: readonly FollowedLog[];
  /** The program's log. */
  readonly logger: Logger;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/**
 * Runs until one pass over each log is made, or until it is stopped.
 *
 * @returns Whether all logs were verified and nothing critical was told.
 */
export async function runMonitor(
  { flags, rules, logs, logger, signal: stopped }: RunParts,
): Promise<boolean> {
  const stop = new AbortController();
  const signal = AbortSignal.any([stopped, stop.signal]);
  const { state, follow, interval, listen } = flags;
  await Deno.mkdir(state, { recursive: true, mode: 0o755 });
  await using outbox = await Outbox.open({
    state,
    channels: await openChannels(flags, logger),
    logger,
  });
  let critical = 0;
  const raise = async (alert: Alert): Promise<boolean> => {
    const isNew = await outbox.raise(alert);
    if (isNew && alert.severity === "critical") critical++;
    return isNew;
  };
  const authorised = new AuthorisedFile(state);
  await using opened = new AsyncDisposableStack();
  const followed: Followed[] = [];
  for (const log of logs) {
    const folder = logFolder(state, log.origin);
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    const artifacts = flags.index ? opened.use(new ArtifactState(artifactsPath(folder))) : null;
    const monitor = await LogMonitor.open({
      ...log,
      rules,
      authorised,
      folder,
      limits: flags,
      raise,
      workers: Math.max(1, navigator.hardwareConcurrency - 1),
      onEvent: (event, fields) =>
        logger[event === "verified" ? "info" : "warn"](`${event}: {*}`, fields),
      ...artifacts && { onWatched: (leafIndexes) => artifacts.watch(leafIndexes) },
    });
    opened.use(monitor);
    const check = artifacts && new ArtifactCheck({
      state: artifacts,
      registry: new Registry(flags.index!, flags.fileHost ?? []),
      pace: new Pace(artifacts, flags.filesPerMinute),
      watchedOnly: rules.length > 0,
      base: monitor.base,
      raise,
      onTrouble: (file, why) => logger.warn("artifact not checked: {*}", { file, why }),
    });
    followed.push({ monitor, check, source: log.source });
  }
  const monitors = followed.map(({ monitor }) => monitor);
  if (!follow) {
    const verified = await Promise.all(followed.map(async (log) => {
      return await log.monitor.pass(signal) && await checkFiles(log, { flags, signal, logger });
    }));
    if (!await outbox.settle()) logger.warn("alerts are left to be delivered: run it again");
    return verified.every((well) => well) && critical === 0;
  }
  if (listen) opened.use(serveStatus(listen, { monitors, outbox, limits: flags, logger }));
  logger.info("monitor is following {logs}", { logs: monitors.map(({ origin }) => origin) });
  const loops = followed.flatMap((log) => [
    repeat(interval, signal, () => log.monitor.pass(signal)),
    ...log.check
      ? [repeat(interval, signal, () => checkFiles(log, { flags, signal, logger }))]
      : [],
  ]);
  await allOrNone(loops, stop);
  return true;
}

/** Waits for loops that end by the signal alone: one that fails ends the others. */
async function allOrNone(loops: readonly Promise<never>[], stop: AbortController): Promise<void> {
  const ended = loops.map((loop) =>
    loop.catch((error) => {
      stop.abort(error);
      throw error;
    })
  );
  // What they use is let go of when none of them runs any more.
  await Promise.allSettled(ended);
  await Promise.all(ended);
}

function artifactsPath(folder: string): string {
  return join(folder, "artifacts.sqlite");
}

/** A log and what checks its files. */
interface Followed {
  readonly monitor: LogMonitor;
  readonly check: ArtifactCheck | null;
  readonly source: LogSource;
}

/** Looks at the files that are due; gives whether it could: what fails holds up nothing else. */
async function checkFiles(
  log: Followed,
  { flags, signal, logger }: Pick<RunParts, "flags" | "signal" | "logger">,
): Promise<boolean> {
  try {
    await checkDue(log, flags, signal);
    return true;
  } catch (error) {
    signal.throwIfAborted();
    logger.warn("artifacts not checked: {*}", { origin: log.monitor.origin, why: `${error}` });
    return false;
  }
}

/** Following, it goes on until the head moves; else it looks at a minute's worth. */
async function checkDue(
  { monitor, check, source }: Followed,
  { follow, filesPerMinute, recheckAfter }: MonitorFlags,
  signal: AbortSignal,
): Promise<void> {
  const note = monitor.state.head;
  if (!note || !check) return;
  using objects = await openObjects(source, signal);
  const before = Date.now() - recheckAfter;
  for (let i = 0; follow ? monitor.state.head === note : i < filesPerMinute; i++) {
    if (!await check.next({ note, fetch: objects.fetch }, before, signal)) return;
  }
}

/** Does something again and again, until the signal aborts. */
async function repeat(
  interval: number,
  signal: AbortSignal,
  act: () => Promise<unknown>,
): Promise<never> {
  for (;;) {
    await act();
    await delay(interval, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}
