/**
 * The logs that a witness knows from its configuration, and the file that lists
 * them (`--log-list`):
 *
 * ```text
 * # origin          vkey                                    [the log's URL]
 * log.example/main  log.example/main+39e8e969+ASBZ0e4GBJPR… https://log.example
 * ```
 *
 * Several lines of one origin give it several trusted keys. An origin with a
 * space in it cannot stand in the file; `witness-add-key --origin` takes any.
 *
 * @module
 */

import {
  encodeHex,
  excerpt,
  formatVkey,
  type NoteVerifier,
  parseUtf8,
  parseVkey,
  utf8,
  type VerifierKey,
  verifierOf,
} from "@indelible/core";
import { nativeEd25519 } from "@indelible/core/ed25519_native";
import type { LogRecord } from "./store.ts";

/** A log and the keys trusted for it. */
export interface TrustedLog {
  /** Its origin. */
  readonly origin: string;
  /** The keys trusted for it, as vkeys. */
  readonly vkeys: readonly string[];
  /** Where it is served, when that is known. */
  readonly url?: string;
}

/** The most bytes an origin may have: what an ML-DSA-44 cosignature has room for. */
export const MAX_ORIGIN = 255;

/**
 * Parses a log list.
 *
 * @param file Its bytes.
 * @throws {SyntaxError} If a line is malformed, naming it.
 */
export function parseLogList(file: Uint8Array): TrustedLog[] {
  const logs = new Map<string, { vkeys: string[]; url?: string }>();
  parseUtf8(file).split("\n").forEach((line, i) => {
    const [origin, vkey, url, ...extra] = line.trim().split(/[ \t]+/);
    if (!origin || origin.startsWith("#")) return;
    try {
      if (!vkey || extra.length > 0) {
        throw new SyntaxError("must be <origin> <vkey> [<url>]");
      }
      if (url !== undefined) parseHttpUrl(url);
      checkOrigin(origin);
      const log = logs.get(origin) ?? { vkeys: [] };
      log.vkeys.push(formatVkey(parseVkey(vkey)));
      if (url !== undefined) log.url = url;
      logs.set(origin, log);
    } catch (error) {
      throw new SyntaxError(
        `Cannot parse log list: line ${i + 1}: ${(error as Error).message}`,
      );
    }
  });
  return [...logs].map(([origin, log]) => ({ origin, ...log }));
}

/**
 * Parses a URL of http or https.
 *
 * @throws {SyntaxError} If it is none.
 */
export function parseHttpUrl(text: string): string {
  if (URL.canParse(text) && /^https?:\/\/\S+$/.test(text)) return text;
  throw new SyntaxError(`it must be a URL of http or https, not "${excerpt(text)}"`);
}

/** The `host:port` of such a URL, as a permission names it. */
export function hostOf(url: string): string {
  const { hostname, port, protocol } = new URL(url);
  return `${hostname}:${port || (protocol === "http:" ? 80 : 443)}`;
}

/**
 * Checks that a text can be the origin of a log that is witnessed.
 *
 * @throws {SyntaxError} If it cannot.
 */
export function checkOrigin(origin: string): void {
  const { length } = utf8(origin);
  // deno-lint-ignore no-control-regex
  if (length < 1 || length > MAX_ORIGIN || /[\u0000-\u001f]/.test(origin)) {
    throw new SyntaxError(
      `the origin must have 1–${MAX_ORIGIN} bytes and no control characters: received "${
        excerpt(origin)
      }"`,
    );
  }
}

/**
 * Checks that a log may be witnessed under these keys.
 *
 * @param log The log.
 * @param witness The witness's name, `null` if not known.
 * @param witnessKeys The witness's public keys.
 * @throws {Error} If it may not, naming why.
 */
export function checkLog(
  { origin, vkeys }: TrustedLog,
  witness: string | null,
  witnessKeys: readonly VerifierKey[] = [],
): void {
  checkOrigin(origin);
  if (origin === witness) {
    throw new Error(
      `The origin "${origin}" is the witness's own name: a witness does not witness itself`,
    );
  }
  const own = new Set(witnessKeys.map((key) => encodeHex(key.publicKey)));
  const identities = new Set<string>();
  for (const vkey of new Set(vkeys)) {
    const { name, keyId, publicKey } = parseVkey(vkey);
    if (own.has(encodeHex(publicKey))) {
      throw new Error(
        `The key ${name}+${keyId} of the log "${origin}" is the witness's own key`,
      );
    }
    if (identities.has(`${name}+${keyId}`)) {
      throw new Error(
        `Two keys of the log "${origin}" have the name and key ID ${name}+${keyId}`,
      );
    }
    identities.add(`${name}+${keyId}`);
  }
}

/** Which keys are trusted for an origin: those of the configuration and those of the store. */
export class TrustedLogs {
  readonly #own: { name: string; keys: readonly VerifierKey[] };
  #configured = new Map<string, TrustedLog>();
  /** Verifiers by vkey; made once for each key that was ever configured. */
  readonly #verifiers = new Map<string, NoteVerifier>();

  /**
   * Knows no log yet.
   *
   * @param own The witness itself, which is no log of its own.
   * @param own.name Its name.
   * @param own.keys Its public keys.
   */
  constructor(own: { name: string; keys: readonly VerifierKey[] }) {
    this.#own = own;
  }

  /**
   * Takes another configuration in place of the last.
   *
   * @param logs The logs.
   * @throws {Error} If one may not be witnessed; then nothing is changed.
   */
  configure(logs: readonly TrustedLog[]): void {
    const configured = new Map<string, TrustedLog>();
    for (const log of logs) {
      const before = configured.get(log.origin);
      const url = log.url ?? before?.url;
      configured.set(log.origin, {
        origin: log.origin,
        vkeys: [...(before?.vkeys ?? []), ...log.vkeys],
        ...(url !== undefined && { url }),
      });
    }
    for (const log of configured.values()) {
      checkLog(log, this.#own.name, this.#own.keys);
    }
    this.#configured = configured;
  }

  /** The logs of the configuration. */
  get configured(): TrustedLog[] {
    return [...this.#configured.values()];
  }

  /**
   * The verifiers trusted for an origin; none for a log that is unknown or stopped.
   *
   * @param origin The origin.
   * @param record What the store knows of it.
   */
  verifiersFor(origin: string, record: LogRecord | null): NoteVerifier[] {
    if (record?.disabled || origin === this.#own.name) return [];
    const verifiers = new Map<string, NoteVerifier>();
    const configured = this.#configured.get(origin)?.vkeys ?? [];
    for (const vkeys of [configured, record?.vkeys ?? []]) {
      for (const vkey of vkeys) {
        const verifier = this.#verifier(vkey);
        const identity = `${verifier.name}+${verifier.keyId}`;
        if (!verifiers.has(identity)) verifiers.set(identity, verifier);
      }
    }
    return [...verifiers.values()];
  }

  #verifier(vkey: string): NoteVerifier {
    let verifier = this.#verifiers.get(vkey);
    if (!verifier) {
      verifier = verifierOf(parseVkey(vkey), nativeEd25519);
      this.#verifiers.set(vkey, verifier);
    }
    return verifier;
  }
}
