/**
 * The verdict on an environment: each distribution compared with the wheel that
 * the log vouches for, and files that belong to none.
 *
 * @module
 */

import { describeRelease } from "../lock/lock_file.ts";
import { isOfRelease } from "../lock/release.ts";
import { join, relative } from "node:path";
import {
  compareWithWheel,
  type Comparison,
  type Difference,
  isByteCode,
  recordedPlaces,
} from "./compare.ts";
import { type Distribution, readDistributions, readOldInstalls } from "./distribution.ts";
import type { Environment } from "./environment.ts";
import { likelyWheels } from "./wheel_name.ts";
import { ZipFile } from "./zip_file.ts";

/** What came of a distribution. */
export type Finding =
  & {
    /** The release, for people. */
    readonly what: string;
  }
  & (
    | {
      readonly kind: "verified";
      /** The wheel. */
      readonly filename: string;
      /** How many files are as it has them. */
      readonly files: number;
      /** How many files its installer made. */
      readonly made: number;
    }
    | {
      readonly kind: "modified";
      /** The wheel. */
      readonly filename: string;
      /** What is not as it has it. */
      readonly differences: readonly Difference[];
    }
    | {
      readonly kind: "unlogged" | "unproven";
      /** Why, as the rest of a sentence about it. */
      readonly why: string;
    }
    | { readonly kind: "exempt" }
  );

/** What came of an environment. */
export interface EnvironmentAudit {
  /** What came of each distribution. */
  readonly findings: readonly Finding[];
  /** Files that belong to no distribution, relative to the environment. */
  readonly strays: readonly string[];
}

/** A wheel that a log vouches for, on this machine. */
export interface LoggedWheel {
  /** Its name. */
  readonly filename: string;
  /** Where it is. */
  readonly path: string;
}

/** Why there is no logged wheel to compare with. */
export interface NoWheel {
  /** Whether the log was asked and has none, or nothing can be said. */
  readonly kind: "unlogged" | "unproven";
  /** Why, as the rest of a sentence about the distribution. */
  readonly why: string;
}

/** Where wheels come from: a registry and a log, or a folder of proven ones. */
export interface WheelSource {
  /**
   * Prepares for some distributions at once.
   *
   * @returns The names of the wheels that there are of each release, by {@linkcode describeRelease}.
   */
  list(wanted: readonly Distribution[]): Promise<ReadonlyMap<string, readonly string[]>>;
  /** Brings a wheel here, if a log vouches for it. */
  get(filename: string): Promise<LoggedWheel | NoWheel>;
}

/** What an audit goes by. */
export interface AuditOptions {
  /** Where wheels come from. */
  readonly wheels: WheelSource;
  /** Which projects no log need vouch for. */
  readonly isExempt: (project: string) => boolean;
  /** Which files may belong to no distribution, by their paths in `site-packages`. */
  readonly isIgnored: (path: string) => boolean;
}

/** Checks an environment. */
export async function auditEnvironment(
  environment: Environment,
  { wheels, isExempt, isIgnored }: AuditOptions,
): Promise<EnvironmentAudit> {
  const installed = (await Promise.all(environment.folders.map(readDistributions))).flat();
  const old = (await Promise.all(environment.folders.map(readOldInstalls))).flat();
  const asked = installed.filter(({ project, origin }) =>
    origin.kind === "index" && !isExempt(project)
  );
  const listed = await wheels.list(asked);
  const findings: Finding[] = [];
  const claimed = new Set<string>();
  // One after the other: each may be large, on disk and to compare.
  for (const one of installed) {
    const finding = isExempt(one.project)
      ? { kind: "exempt" as const }
      : await auditDistribution(one, environment, wheels, listed, claimed);
    for (const path of recordedPlaces(one)) claimed.add(path);
    findings.push({ what: describeRelease(one.project, one.version), ...finding });
  }
  for (const name of old) {
    const why = "was installed in an old way that records no files";
    findings.push({ what: name, kind: "unproven", why });
  }
  return { findings, strays: await findStrays(environment, claimed, isIgnored) };
}

type Outcome = Finding extends infer Each ? Each extends Finding ? Omit<Each, "what"> : never
  : never;

async function auditDistribution(
  installed: Distribution,
  environment: Environment,
  wheels: WheelSource,
  listed: ReadonlyMap<string, readonly string[]>,
  claimed: Set<string>,
): Promise<Outcome> {
  const { project, version, origin, wheel } = installed;
  if (origin.kind === "elsewhere") return { kind: "unproven", why: origin.why };
  if (!wheel) return { kind: "unproven", why: "does not say which wheel it was installed from" };
  const release = (listed.get(describeRelease(project, version)) ?? [])
    .filter((name) => isOfRelease(name, project, version));
  const likely = origin.filename === null
    ? likelyWheels(wheel, release)
    : release.filter((name) => name === origin.filename);
  let best: { readonly filename: string; readonly comparison: Comparison } | null = null;
  let missing: NoWheel | null = null;
  for (const filename of likely) {
    const logged = await wheels.get(filename);
    if (!("path" in logged)) {
      missing ??= logged;
      continue;
    }
    let comparison: Comparison;
    try {
      using zip = await ZipFile.open(logged.path);
      comparison = await compareWithWheel(installed, zip, environment);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      missing ??= { kind: "unproven", why: `is ${filename}: ${error.message}` };
      continue;
    }
    if (!best || comparison.differences.length < best.comparison.differences.length) {
      best = { filename, comparison };
    }
    if (comparison.differences.length === 0) break;
  }
  if (!best) {
    return missing ?? {
      kind: "unproven",
      why: release.length > 0
        ? "is of no wheel that the registry has, so it was built here from its source"
        : "has no wheel at the registry, so it was built here or comes from elsewhere",
    };
  }
  const { filename, comparison: { same, made, differences } } = best;
  for (const path of best.comparison.claimed) claimed.add(path);
  return differences.length === 0
    ? { kind: "verified", filename, files: same, made }
    : { kind: "modified", filename, differences };
}

/** Files that no distribution claims: Python imports them all the same, and runs `.pth` files. */
async function findStrays(
  { prefix, folders }: Environment,
  claimed: ReadonlySet<string>,
  isIgnored: (path: string) => boolean,
): Promise<string[]> {
  const strays: string[] = [];
  for (const folder of folders) {
    for await (const path of filesBelow(folder)) {
      if (claimed.has(path) || isByteCode(path) || isIgnored(relative(folder, path))) continue;
      strays.push(relative(prefix, path));
    }
  }
  return strays;
}

async function* filesBelow(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) yield* filesBelow(path);
    else yield path;
  }
}
