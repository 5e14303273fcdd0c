/**
 * Runs the witness scenarios of the test vectors (`tests/vectors/README.md`)
 * against a witness over HTTP: each step is one request, and at the end the
 * monitoring read must show the state that is wanted.
 *
 * @module
 */

import {
  concat,
  cosignatureTime,
  encodeBase64,
  encodeHex,
  type NoteVerifier,
  openNote,
  parseBase64,
  parseCheckpoint,
  parseUtf8,
  parseVkey,
  sha256,
  utf8,
  type VerifierKey,
  verifierOf,
} from "@indelible/core";

/** A log that the witness is configured with. */
export interface ScenarioLog {
  /** Its origin. */
  readonly origin: string;
  /** The keys trusted for it. */
  readonly vkeys: readonly string[];
}

/** One step of a scenario. */
export interface ScenarioStep {
  /** Its name. */
  readonly name: string;
  /** GET for the monitoring read; absent for `add-checkpoint`. */
  readonly method?: "GET";
  /** The path of a GET. */
  readonly path?: string;
  /** The body of a POST. */
  readonly body_b64?: string;
  /** The status it must have. */
  readonly status: string;
  /** The statuses it may have. */
  readonly status_allowed?: readonly string[];
  /** With 200: the text that must be cosigned. */
  readonly cosigned_text_b64?: string;
  /** With 409: the body. */
  readonly response_b64?: string;
  /** With 409: its type. */
  readonly content_type?: string;
  /** With a GET: the size shown. */
  readonly size?: string;
  /** With a GET: the root hash shown. */
  readonly root?: string;
}

/** The `in` of a scenario. */
export interface Scenario {
  /** The logs. */
  readonly logs: readonly ScenarioLog[];
  /** The steps, in order. */
  readonly steps: readonly ScenarioStep[];
}

/** The state of a log at the end. */
export interface FinalState {
  /** The size. */
  readonly size: string;
  /** The root hash. */
  readonly root: string;
}

/** A witness to run a scenario against. */
export interface ScenarioWitness {
  /** Sends it a request; the path is below its prefix. */
  readonly send: (path: string, init?: RequestInit) => Promise<Response>;
  /** Its public keys. */
  readonly keys: readonly VerifierKey[];
}

/** A step that did not come out as it must. */
export class ScenarioFailure extends Error {
  /** Tells it from other errors. */
  override readonly name = "ScenarioFailure";
}

/**
 * Runs a scenario.
 *
 * @param scenario The steps.
 * @param witness A fresh witness with the scenario's logs.
 * @returns The state of each log at the end; none of those never cosigned.
 * @throws {ScenarioFailure} If a step comes out otherwise than it must.
 */
export async function runScenario(
  { logs, steps }: Scenario,
  witness: ScenarioWitness,
): Promise<Record<string, FinalState>> {
  const cosigners = witness.keys.map((key) => verifierOf(key));
  for (const step of steps) {
    const why = step.method === "GET"
      ? await read(step, logs, cosigners, witness)
      : await add(step, cosigners, witness);
    if (why !== null) throw new ScenarioFailure(`step ${step.name}: ${why}`);
  }
  const final: Record<string, FinalState> = {};
  for (const { origin } of logs) {
    const path = `/${encodeHex(sha256(utf8(origin)))}/checkpoint`;
    const response = await witness.send(path);
    const body = await response.bytes();
    if (response.status === 404) continue;
    const shown = shownState(body, logs, cosigners);
    if (typeof shown === "string") {
      throw new ScenarioFailure(`final state of ${origin}: ${shown}`);
    }
    final[origin] = shown;
  }
  return final;
}

async function add(
  step: ScenarioStep,
  cosigners: readonly NoteVerifier[],
  { send }: ScenarioWitness,
): Promise<string | null> {
  const response = await send("/add-checkpoint", {
    method: "POST",
    body: parseBase64(step.body_b64!),
  });
  const body = await response.bytes();
  const status = `${response.status}`;
  const allowed = step.status_allowed ?? [step.status];
  if (!allowed.includes(status)) {
    return `want ${allowed.join(" or ")}, got ${status} ${show(body)}`;
  }
  if (status === "409" && step.response_b64 !== undefined) {
    const type = response.headers.get("content-type");
    if (type !== step.content_type) return `its type is ${type}`;
    if (encodeBase64(body) !== step.response_b64) {
      return `its body is ${show(body)}`;
    }
  }
  if (status !== "200" || step.cosigned_text_b64 === undefined) return null;
  const text = parseBase64(step.cosigned_text_b64);
  const opened = openNote(concat(text, utf8("\n"), body), cosigners);
  if (opened.kind !== "verified") return "its cosignature does not verify";
  const lines = parseUtf8(body).split("\n").length - 1;
  if (opened.verified.length !== lines) return "it holds foreign lines";
  return opened.verified.some(({ signature }) => cosignatureTime(signature) === 0n)
    ? "its cosignature has time 0"
    : null;
}

/** A witness may publish with some delay. */
const READ_ATTEMPTS = 20;
const READ_PAUSE = 250;

async function read(
  step: ScenarioStep,
  logs: readonly ScenarioLog[],
  cosigners: readonly NoteVerifier[],
  { send }: ScenarioWitness,
): Promise<string | null> {
  let why: string | null = null;
  for (let attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
    const response = await send(step.path!);
    const body = await response.bytes();
    why = `${response.status}` !== step.status
      ? `want ${step.status}, got ${response.status}`
      : step.status === "200"
      ? checkShown(body, step, logs, cosigners)
      : null;
    if (why === null) return null;
    await new Promise((resolve) => setTimeout(resolve, READ_PAUSE));
  }
  return why;
}

function checkShown(
  note: Uint8Array,
  want: ScenarioStep,
  logs: readonly ScenarioLog[],
  cosigners: readonly NoteVerifier[],
): string | null {
  const shown = shownState(note, logs, cosigners);
  if (typeof shown === "string") return shown;
  if (shown.size === want.size && shown.root === want.root) return null;
  return `want size ${want.size} and root ${want.root}, got ${shown.size} and ${shown.root}`;
}

/** What a shown checkpoint says, or what is wrong with it. */
function shownState(
  note: Uint8Array,
  logs: readonly ScenarioLog[],
  cosigners: readonly NoteVerifier[],
): FinalState | string {
  const cosigned = openNote(note, cosigners);
  if (cosigned.kind !== "verified") return "it carries no cosignature";
  const { origin, size, root } = parseCheckpoint(cosigned.text);
  const log = logs.find((log) => log.origin === origin);
  if (!log) return "it is of another log";
  const keys = log.vkeys.map((vkey) => verifierOf(parseVkey(vkey)));
  if (openNote(note, keys).kind !== "verified") {
    return "it carries no signature of the log";
  }
  return { size: `${size}`, root: encodeBase64(root) };
}

function show(body: Uint8Array): string {
  return JSON.stringify(new TextDecoder().decode(body.subarray(0, 200)));
}
