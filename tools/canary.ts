/**
 * `canary`: probes a log from outside, as a publisher and as whoever installs: to be
 * run after each deployment, and by a timer. It logs one entry of its own, of the
 * ecosystem `canary`, follows it to the public side and checks everything offline.
 *
 * @module
 */

import {
  type Command,
  EXIT_FAILURE,
  parseDuration,
  type Permissions,
  UsageError,
} from "@indelible/core/command";
import { type Finding, Probe } from "./canary_probe.ts";
import { describe, hostOf, parseLogUrl } from "./http_client.ts";
import { Interrupted, interruptible, runMain } from "./main.ts";
import { authorization, TOKEN_FILE_FLAG } from "./token.ts";
import { loadTrust, TRUST_FLAGS, type TrustFlags, trustPaths } from "./trust.ts";

/** Flags of `canary`. */
export type CanaryFlags = TrustFlags & {
  /** The publishing side. */
  readonly log: URL;
  /** The public side, if it is another. */
  readonly publicUrl?: URL;
  /** The file with the token. */
  readonly tokenFile?: string;
  /** Milliseconds that each step may take. */
  readonly timeout: number;
  /** How old cosignatures may be, in milliseconds. */
  readonly maxAge?: number;
  /** Whether to answer in JSON. */
  readonly json: boolean;
};

/** What became of a step. */
export interface StepReport {
  /** Its name. */
  readonly step: string;
  /** What became of it. */
  readonly status: "ok" | "skipped" | "failed";
  /** How long it took. */
  readonly milliseconds: number;
  /** What it found, or why it was skipped or failed. */
  readonly detail: string;
}

/** The command line of `canary`. */
export const command: Command<CanaryFlags> = {
  name: "canary",
  brief: "Probe a log from outside: log one entry and follow it to the public side",
  description: [
    "Logs one entry of the ecosystem canary, fetches by the public URL what an installer would,",
    "and checks all of it offline: receipt, checkpoint, bundle, tiles, growth. The same submission",
    "must get the same index, another digest must be refused with proof, and the public side must",
    "refuse writes. Ends with 0 when all is well, else with 1, naming the step.",
    "",
    "Examples:",
    "  deno task canary --log=https://publish.log.example --public-url=https://log.example \\",
    "    --policy=log.policy --token-file=canary.token --max-age=15m",
    "  deno task canary --log=http://127.0.0.1:8080 --public-key=public.key",
  ].join("\n"),
  parameters: {
    flags: {
      log: { kind: "parsed", parse: parseLogUrl, brief: "URL to publish at" },
      publicUrl: {
        kind: "parsed",
        parse: parseLogUrl,
        optional: true,
        brief: "URL that installers read (default: that of --log)",
      },
      ...TRUST_FLAGS,
      tokenFile: TOKEN_FILE_FLAG,
      timeout: {
        kind: "parsed",
        parse: parseDuration,
        default: "30s",
        brief: "How long each step may take",
      },
      maxAge: {
        kind: "parsed",
        parse: parseDuration,
        optional: true,
        brief: "How old the witnesses' cosignatures may be, such as 15m",
      },
      json: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Print the result as JSON",
      },
    },
  },
  permissions({ log, publicUrl = log, tokenFile, ...trust }): Permissions {
    return {
      read: [...trustPaths(trust), ...(tokenFile === undefined ? [] : [tokenFile])],
      net: [hostOf(log), hostOf(publicUrl)],
    };
  },
  async run({ log, publicUrl = log, tokenFile, timeout, maxAge, json, ...trust }) {
    const policy = await loadTrust(trust);
    if (!policy) {
      throw new UsageError(
        "whom to trust is not said: give --policy=F, or --public-key=F for a log without witnesses",
      );
    }
    if (maxAge !== undefined && policy.witnesses.length === 0) {
      throw new UsageError("--max-age is about cosignatures: give a --policy with witnesses");
    }
    const probe = new Probe({
      log,
      publicUrl,
      headers: await authorization(tokenFile, log),
      policy,
      timeout,
      maxAge: maxAge && Math.ceil(maxAge / 1000), // Cosignatures have whole seconds.
      now: () => Math.floor(Date.now() / 1000),
      filename: newName(),
    });
    const reports: StepReport[] = [];
    await interruptible(async (signal) => {
      for (const [step, act] of probe.steps) {
        const report = await timed(step, act, timeout, signal);
        reports.push(report);
        if (!json) print(report);
        if (report.status === "failed") return;
      }
    });
    const failed = reports.find(({ status }) => status === "failed");
    if (json) console.log(toJson(log, publicUrl, probe, reports));
    else if (!failed) console.log(`canary: all is well at ${describe(publicUrl)}`);
    return failed ? EXIT_FAILURE : 0;
  },
};

/** A name that was never logged, and that tells when and by whom it was made up. */
function newName(): string {
  const time = new Date().toISOString().replace(/[-:]|\..*/g, "");
  return `canary-${time}Z-${crypto.getRandomValues(new Uint8Array(4)).toHex()}`;
}

async function timed(
  step: string,
  act: (signal: AbortSignal) => Promise<Finding>,
  timeout: number,
  signal: AbortSignal,
): Promise<StepReport> {
  const start = performance.now();
  const late = AbortSignal.timeout(timeout);
  const report = (status: StepReport["status"], detail: string): StepReport => {
    const milliseconds = Math.round(performance.now() - start);
    return { step, status, milliseconds, detail };
  };
  try {
    const finding = await act(AbortSignal.any([signal, late]));
    return "found" in finding ? report("ok", finding.found) : report("skipped", finding.skipped);
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    const why = error === late.reason
      ? `it took longer than ${timeout / 1000} s`
      : messageOf(error);
    return report("failed", why);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function print({ step, status, milliseconds, detail }: StepReport): void {
  if (status === "failed") {
    console.error(`canary: ${step} failed after ${milliseconds} ms: ${detail}`);
  } else {
    const time = `${milliseconds} ms`.padStart(9);
    console.log(`${status.padEnd(7)} ${time}  ${step.padEnd(17)}  ${detail}`);
  }
}

function toJson(log: URL, publicUrl: URL, probe: Probe, steps: readonly StepReport[]): string {
  return JSON.stringify({
    ok: steps.every(({ status }) => status !== "failed"),
    log: describe(log),
    publicUrl: describe(publicUrl),
    index: probe.index === null ? null : Number(probe.index),
    size: probe.size === null ? null : Number(probe.size),
    steps,
  });
}

if (import.meta.main) await runMain(command);
