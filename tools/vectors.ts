/**
 * `deno task vectors DIR`: runs every case of a folder's test vectors
 * (`tests/vectors/README.md`) through the core. A case passes when its verdict
 * and every field of its `want` hold; with the verdict `either` it passes once it
 * ran. An operation that is not known counts as failed: nothing is skipped.
 *
 * @module
 */

import { encodeHex, excerpt, parseUtf8, sha256, utf8, type VerifierKey } from "@indelible/core";
import { type Command, EXIT_FAILURE, type Permissions, UsageError } from "@indelible/core/command";
import { cannot } from "./files.ts";
import { WITNESS_HOST } from "./fresh_witness.ts";
import { readVkeyFile } from "./key_files.ts";
import { runMain } from "./main.ts";
import { VECTOR_OPS, type VectorCase, type VectorFile, type VectorOp } from "./vector_ops.ts";
import { runScenario, type Scenario, ScenarioFailure } from "./witness_scenario.ts";

const FORMAT = "tlog-vectors/1";

/** A case that did not pass. */
export interface VectorFailure {
  /** The file's name. */
  readonly file: string;
  /** The case's name. */
  readonly name: string;
  /** Its operation. */
  readonly op: string;
  /** What went wrong. */
  readonly why: string;
}

/** What became of a folder's cases. */
export interface VectorReport {
  /** How many cases passed. */
  readonly passed: number;
  /** How many did not. */
  readonly failed: number;
  /** Those that did not, in order. */
  readonly failures: readonly VectorFailure[];
}

/** How to run vectors. */
export interface VectorOptions {
  /** Called after each case; `why` is `null` when it passed. */
  readonly onCase?: (
    file: string,
    vector: VectorCase,
    why: string | null,
  ) => void;
  /** The operations by topic and name, by default all that are known. */
  readonly ops?: Readonly<Record<string, VectorOp>>;
  /** The name of the one case to run, by default all. */
  readonly only?: string | undefined;
}

/**
 * Runs every vector file of a folder, by name.
 *
 * @param folder The folder; folders in it are not looked into.
 * @param options What to call, and which operations to know.
 * @returns How many cases passed and failed.
 * @throws {Error} If the folder cannot be read.
 * @throws {UsageError} If there is no vector file in it.
 * @throws {SyntaxError} If a file is malformed.
 */
export async function runVectors(
  folder: string,
  { onCase, ops = VECTOR_OPS, only }: VectorOptions = {},
): Promise<VectorReport> {
  let passed = 0;
  const failures: VectorFailure[] = [];
  for (const [file, vectors] of await readVectors(folder)) {
    for (const vector of vectors.cases) {
      if (only !== undefined && vector.name !== only) continue;
      const why = await runCase(vector, vectors, ops);
      if (why === null) passed++;
      else failures.push({ file, name: vector.name, op: vector.op, why });
      onCase?.(file, vector, why);
    }
  }
  return { passed, failed: failures.length, failures };
}

async function readVectors(folder: string): Promise<Map<string, VectorFile>> {
  const names: string[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (name.endsWith(".json") && !isDirectory) names.push(name);
    }
  } catch (error) {
    throw cannot("read", folder, "vectors", error);
  }
  const files = new Map<string, VectorFile>();
  for (const name of names.sort()) {
    const vectors = parseVectors(
      name,
      await Deno.readFile(`${folder}/${name}`),
    );
    if (vectors) files.set(name, vectors);
  }
  if (files.size === 0) {
    throw new UsageError(
      `Cannot run vectors: no file of the schema ${FORMAT} in ${folder}`,
    );
  }
  return files;
}

/** Parses a vector file; `null` when it is JSON of another kind. */
function parseVectors(name: string, bytes: Uint8Array): VectorFile | null {
  const malformed = (why: string): SyntaxError =>
    new SyntaxError(`Cannot parse vectors: ${name}: ${why}`);
  let file;
  try {
    file = JSON.parse(parseUtf8(bytes));
  } catch (error) {
    throw malformed((error as Error).message);
  }
  if (typeof file?.format !== "string") return null;
  if (file.format !== FORMAT) {
    throw malformed(`format must be ${FORMAT}, not "${excerpt(file.format)}"`);
  }
  if (typeof file.topic !== "string" || !Array.isArray(file.cases)) {
    throw malformed("it must have a topic and cases");
  }
  const names = new Set<unknown>();
  for (const [i, vector] of file.cases.entries()) {
    if (
      typeof vector?.name !== "string" || typeof vector.op !== "string" ||
      !isObject(vector.in) || !isObject(vector.want)
    ) throw malformed(`case ${i} must have name, op, in and want`);
    if (names.has(vector.name)) {
      throw malformed(`the case "${excerpt(vector.name)}" stands twice`);
    }
    names.add(vector.name);
  }
  return file;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Runs one case.
 *
 * @returns Why it failed, or `null` when it passed.
 */
async function runCase(
  vector: VectorCase,
  file: VectorFile,
  ops: Readonly<Record<string, VectorOp>>,
): Promise<string | null> {
  const key = `${file.topic}/${vector.op}`;
  const op = Object.hasOwn(ops, key) ? ops[key] : undefined;
  if (!op) return `unknown operation ${excerpt(key)}`;
  let outcome: Record<string, unknown> | null;
  try {
    outcome = await op(vector.in, file);
  } catch (error) {
    if (error instanceof ScenarioFailure) return error.message;
    if (!(error instanceof SyntaxError)) return `crashed: ${error}`;
    outcome = null;
  }
  const { result, error: _advisory, ...fields } = vector.want;
  if (result === "either") return null;
  const wanted = result ?? "accept";
  if (wanted !== "accept" && wanted !== "reject") {
    return `unknown result ${JSON.stringify(wanted)}`;
  }
  const got = outcome ? "accept" : "reject";
  if (got !== wanted) return `want ${wanted}, got ${got}`;
  return outcome && difference(fields, outcome, "");
}

// A field whose absence says that there is none, where others are just left out.
const ABSENCE_COUNTS = "extra_b64";

/** Where what is wanted does not hold, or `null`. What is not named is not compared. */
function difference(want: unknown, got: unknown, path: string): string | null {
  if (Array.isArray(want) && Array.isArray(got)) {
    if (want.length !== got.length) {
      return `${path}: want ${want.length} items, got ${got.length}`;
    }
    for (const [i, item] of want.entries()) {
      const found = difference(item, got[i], `${path}[${i}]`);
      if (found) return found;
    }
    return null;
  }
  if (isObject(want) && isObject(got)) {
    const members = ABSENCE_COUNTS in got ? { [ABSENCE_COUNTS]: undefined, ...want } : want;
    for (const [name, value] of Object.entries(members)) {
      const found = difference(
        value,
        got[name],
        path ? `${path}.${name}` : name,
      );
      if (found) return found;
    }
    return null;
  }
  return want === got ? null : `${path}: want ${show(want)}, got ${show(got)}`;
}

/** A value for a message; a long one by its start and digest, so that two differ. */
function show(value: unknown): string {
  const json = JSON.stringify(value) ?? "none";
  return json.length <= 100
    ? json
    : `${json.slice(0, 60)}… (${encodeHex(sha256(utf8(json))).slice(0, 8)})`;
}

/** Flags of `vectors`. */
export type VectorsFlags = {
  /** Whether to print JSON. */
  readonly json: boolean;
  /** The one case to run. */
  readonly case?: string | undefined;
  /** A foreign witness to run a scenario against. */
  readonly witnessUrl?: string | undefined;
  /** Its public keys. */
  readonly witnessPublicKey?: readonly string[] | undefined;
};

/** The operations, with scenarios sent to a foreign witness if one is named. */
async function opsFor(
  { witnessUrl, witnessPublicKey = [], case: only }: VectorsFlags,
): Promise<Readonly<Record<string, VectorOp>>> {
  if (witnessUrl === undefined) return VECTOR_OPS;
  if (only === undefined || witnessPublicKey.length === 0) {
    throw new UsageError(
      "--witness-url needs --witness-public-key, and --case with one scenario: a witness keeps its state",
    );
  }
  const keys: VerifierKey[] = [];
  for (const path of witnessPublicKey) keys.push(await readVkeyFile(path, "--witness-public-key"));
  const url = witnessUrl.replace(/\/$/, "");
  const send = (path: string, init?: RequestInit) => fetch(url + path, init);
  return {
    ...VECTOR_OPS,
    "witness/scenario": async (input) => ({
      final: await runScenario(input as Scenario, { send, keys }),
    }),
  };
}

async function permissions(flags: VectorsFlags, folder: string): Promise<Permissions> {
  const read = [folder, ...flags.witnessPublicKey ?? []];
  if (flags.witnessUrl !== undefined) {
    const { hostname, port, protocol } = new URL(flags.witnessUrl);
    return { read, net: [`${hostname}:${port || (protocol === "http:" ? 80 : 443)}`] };
  }
  const files = [...(await readVectors(folder)).values()];
  if (!files.some(({ topic }) => topic === "witness")) return { read };
  return { read, net: [WITNESS_HOST], run: ["deno"] };
}

/** The command line. */
export const command: Command<VectorsFlags, [string]> = {
  name: "vectors",
  brief: "Run the test vectors of a folder",
  description: [
    `Runs every *.json of the schema ${FORMAT} in DIR. It ends with the line \`N passed, N failed\`.`,
    "Each witness scenario gets a fresh witness of ours, or one scenario a foreign witness that is",
    "configured with its logs:",
    "  deno task vectors tests/vectors --case=happy-path \\",
    "    --witness-url=https://witness.example --witness-public-key=witness.pub",
  ].join("\n"),
  parameters: {
    flags: {
      json: {
        kind: "boolean",
        brief: "Print one JSON object: passed, failed, failures",
        default: false,
      },
      case: {
        kind: "parsed",
        parse: String,
        placeholder: "NAME",
        brief: "Run the case of this name alone",
        optional: true,
      },
      witnessUrl: {
        kind: "parsed",
        parse: (text) => new URL(text).href,
        placeholder: "URL",
        brief: "Run a witness scenario against this witness",
        optional: true,
      },
      witnessPublicKey: {
        kind: "parsed",
        parse: String,
        placeholder: "F",
        brief: "Its public key; repeat for further ones",
        variadic: true,
        optional: true,
      },
    },
    positional: {
      kind: "tuple",
      parameters: [{
        brief: "Folder of vector files",
        parse: String,
        placeholder: "DIR",
      }],
    },
  },
  permissions,
  async run(flags, folder) {
    const { json, case: only } = flags;
    const report = await runVectors(folder, {
      only,
      ops: await opsFor(flags),
      onCase(file, { name, op }, why) {
        if (why !== null && !json) {
          console.log(`FAILED ${file} ${op} ${excerpt(name, 100)}: ${why}`);
        }
      },
    });
    if (only !== undefined && report.passed + report.failed === 0) {
      throw new UsageError(`Cannot run vectors: no case in ${folder} is named "${excerpt(only)}"`);
    }
    console.log(
      json ? JSON.stringify(report) : `${report.passed} passed, ${report.failed} failed`,
    );
    return report.failed === 0 ? 0 : EXIT_FAILURE;
  },
};

if (import.meta.main) await runMain(command);
