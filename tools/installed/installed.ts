/**
 * `installed`: compares what is installed in a Python environment with the wheels
 * that the log vouches for, file by file.
 *
 * @module
 */

import { normalizeProject } from "@indelible/core";
import { type Command, EXIT_FAILURE, type Permissions, UsageError } from "@indelible/core/command";
import { dirname, join, resolve } from "node:path";
import { permissionsForDefaults, userFolder } from "../defaults.ts";
import { HeadFiles } from "../head_files.ts";
import { parseLogUrl } from "../http_client.ts";
import { policyOf, trustFlags } from "../lock/offline_trust.ts";
import { openSource } from "../log_source.ts";
import { interruptible, runMain } from "../main.ts";
import { letIn, type PackageIndex, parseIndexUrl } from "../package_index.ts";
import { INDEX_VARIABLE } from "../pip_index.ts";
import { FileHosts } from "../proxy/file_hosts.ts";
import { type Glob, parseGlob } from "../proxy/glob.ts";
import {
  headsFolder,
  indexOfVariable,
  LOG_VARIABLE,
  POLICY_VARIABLE,
  settingsOf,
} from "../proxy/settings.ts";
import { TRUST_FLAGS, type TrustFlags, trustPaths } from "../trust.ts";
import { TrustedHead } from "../trusted_head.ts";
import { auditEnvironment } from "./audit.ts";
import { findEnvironment } from "./environment.ts";
import { isVerified, jsonReport, printReport } from "./report.ts";
import { KeptWheels, OnlineWheels } from "./wheel_source.ts";
import { WheelStore } from "./wheel_store.ts";

/** Flags of `installed`. */
export type InstalledFlags = TrustFlags & {
  /** The environment's folder. */
  readonly venv?: string;
  /** The environment's Python. */
  readonly python?: string;
  /** The log. */
  readonly log?: URL;
  /** The index, when it is not pip's. */
  readonly index?: PackageIndex;
  /** Whether to use wheels that were kept, and no network. */
  readonly offline: boolean;
  /** Projects that no log need vouch for. */
  readonly exempt?: readonly Glob[];
  /** Files that may belong to no distribution. */
  readonly ignore?: readonly Glob[];
  /** Where the trusted heads are. */
  readonly stateDir?: string;
  /** Where wheels are kept. */
  readonly cacheDir?: string;
  /** Whether to answer in JSON. */
  readonly json: boolean;
};

const DEFAULT_VENV = ".venv";

/** The command line of `installed`. */
export const command: Command<InstalledFlags> = {
  name: "installed",
  brief: "Compare what is installed with what the log vouches for",
  description: [
    "For each distribution of a Python environment it finds the wheel at the registry,",
    "fetches it, checks it against the log, and compares every installed file with it:",
    "RECORD files and Python itself are not believed, and nothing of the environment is run.",
    "What was built here (from an sdist, a folder, version control) cannot be proven.",
    "",
    "Examples:",
    "  deno task installed --log=https://log.example --policy=log.policy",
    "  deno task installed --venv=\"$VIRTUAL_ENV\" --exempt='ourcompany-*'",
    "  deno task installed --python=/usr/bin/python3 --json",
    "  deno task installed --offline --ignore='_virtualenv.*'",
  ].join("\n"),
  parameters: {
    flags: {
      venv: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "DIR",
        brief: `Folder of the environment (default: ${DEFAULT_VENV})`,
      },
      python: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "PATH",
        brief: "Python of the environment, in place of --venv; it is not run",
      },
      log: {
        kind: "parsed",
        parse: parseLogUrl,
        optional: true,
        placeholder: "URL",
        brief: "URL of the log (default: the configuration's, else the policy's)",
      },
      ...TRUST_FLAGS,
      index: {
        kind: "parsed",
        parse: parseIndexUrl,
        optional: true,
        placeholder: "URL",
        brief: "Package index (default: pip's)",
      },
      offline: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Use the wheels and proofs that were kept, and no network",
      },
      exempt: {
        kind: "parsed",
        parse: (text: string) => parseGlob(normalizeProject(text)),
        optional: true,
        variadic: ",",
        placeholder: "GLOB",
        brief: "Private projects, which need not be logged",
      },
      ignore: {
        kind: "parsed",
        parse: parseGlob,
        optional: true,
        variadic: ",",
        placeholder: "GLOB",
        brief: "Files in site-packages that may belong to no distribution",
      },
      stateDir: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "DIR",
        brief: "Folder of the trusted heads (default: ~/.local/state/indelible)",
      },
      cacheDir: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "DIR",
        brief: "Folder of kept wheels (default: ~/.cache/indelible)",
      },
      json: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Print the result as JSON",
      },
    },
  },
  async permissions(flags): Promise<Permissions> {
    const { wheels, heads } = foldersOf(flags);
    const defaults = permissionsForDefaults();
    const trust = trustPaths(await trustFlags(flags));
    const read = [prefixOf(flags), wheels, ...trust, ...defaults.read ?? []];
    const env = ["HOME", LOG_VARIABLE, POLICY_VARIABLE, ...defaults.env ?? []];
    if (flags.offline) return { read, env };
    const folders = [wheels, heads];
    // The index says where its files are: FileHosts decides what may be reached.
    return { read: [...read, heads], write: folders, net: true, env: [...env, INDEX_VARIABLE] };
  },
  async run(flags) {
    const environment = await findEnvironment(prefixOf(flags));
    return await interruptible(async (signal) => {
      const wheels = flags.offline ? await keptWheels(flags) : await onlineWheels(flags, signal);
      const audit = await auditEnvironment(environment, {
        wheels,
        isExempt: (project) => flags.exempt?.some((matches) => matches(project)) ?? false,
        isIgnored: (path) => flags.ignore?.some((matches) => matches(path)) ?? false,
      });
      const verdict = wheels instanceof OnlineWheels ? wheels.verdict : null;
      const report = { environment: prefixOf(flags), audit, verdict };
      if (flags.json) console.log(JSON.stringify(jsonReport(report)));
      else printReport(report);
      return isVerified(report) ? 0 : EXIT_FAILURE;
    });
  },
};

async function keptWheels(flags: InstalledFlags): Promise<KeptWheels> {
  return new KeptWheels(new WheelStore(foldersOf(flags).wheels), await policyOf(flags));
}

async function onlineWheels(flags: InstalledFlags, signal: AbortSignal): Promise<OnlineWheels> {
  const { trust } = await settingsOf({ ...flags, tofu: false, onMissing: "refuse", strict: false });
  const { log, policy } = trust!;
  const { wheels, heads } = foldersOf(flags);
  const found = indexOfVariable();
  const index = flags.index ? letIn(flags.index, found) : found;
  if (!index) throw new UsageError("the package index is not known: name it with --index=URL");
  const fetch = await openSource({ kind: "url", url: log }, signal);
  const trusted = new TrustedHead(policy, new HeadFiles(heads), fetch);
  const hosts = new FileHosts(index.url, []);
  const store = new WheelStore(wheels);
  return new OnlineWheels({ store, index, hosts, log, trusted, fetch, signal });
}

/** Where the environment is; a Python's environment is the folder above its `bin`. */
function prefixOf({ venv, python }: InstalledFlags): string {
  if (venv !== undefined && python !== undefined) {
    throw new UsageError("--venv and --python say the same: give one of them");
  }
  return python === undefined ? venv ?? DEFAULT_VENV : dirname(dirname(resolve(python)));
}

/** The folders of the user that it keeps things in. */
function foldersOf({ stateDir, cacheDir }: InstalledFlags): { wheels: string; heads: string } {
  return {
    wheels: join(cacheDir ?? userFolder(".cache/indelible", "--cache-dir"), "wheels"),
    heads: headsFolder({
      stateDir: stateDir ?? userFolder(".local/state/indelible", "--state-dir"),
    }),
  };
}

if (import.meta.main) await runMain(command);
