/**
 * Trust policies (C2SP tlog-policy): the known logs, the known witnesses, and
 * which cosignatures are enough.
 *
 * ```text
 * log example.com/log+530d903a+AekyeRrm…
 * witness W1 w1.example+…+BA… https://w1.example/
 * witness W2 w2.example+…+BA…
 * group both all W1 W2
 * quorum both
 * ```
 *
 * Names are opaque octets, so the file is read byte by byte, never as Unicode.
 *
 * @module
 */

import { encodeHex, excerpt, parseUtf8 } from "./bytes.ts";
import { type Checkpoint, parseCheckpoint } from "./checkpoint.ts";
import { cosignatureTime, verifierOf } from "./cosignature.ts";
import { type Ed25519, pureEd25519 } from "./ed25519.ts";
import { KeyType, parseVkey, type VerifierKey } from "./key.ts";
import { type NoteSignature, openNote } from "./note.ts";

/** A log that the policy trusts; the key's name is its origin. */
export interface PolicyLog {
  /** Its key. */
  readonly key: VerifierKey;
  /** Where it is served, when the policy says. */
  readonly url: string | null;
}

/** A witness that the policy knows. */
export interface PolicyWitness {
  /** Its name in this policy, as octets (each a char of the same code). */
  readonly name: string;
  /** Its cosignature key, type 0x04 or 0x06. */
  readonly key: VerifierKey;
  /** Its submission prefix, when the policy says. */
  readonly url: string | null;
}

/** Witnesses and groups of which some must hold. */
export interface PolicyGroup {
  /** How many of the members must hold. */
  readonly threshold: number;
  /** Their names. */
  readonly members: readonly string[];
}

/** A parsed policy file. */
export interface Policy {
  /** Any one of these may have signed; none where the log is known from context. */
  readonly logs: readonly PolicyLog[];
  /** All known witnesses, also those that the quorum does not need. */
  readonly witnesses: readonly PolicyWitness[];
  /** Groups by name, each after its members. */
  readonly groups: ReadonlyMap<string, PolicyGroup>;
  /** A witness, a group, or `null` for `none`. */
  readonly quorum: string | null;
}

/**
 * Parses a policy file.
 *
 * @throws {SyntaxError} If it breaks the grammar or a rule of it, naming the line.
 */
export function parsePolicy(file: Uint8Array): Policy {
  const parser = new PolicyParser();
  let line = "";
  let number = 1;
  for (const octet of file) {
    if (octet === 0x0a) {
      parser.line(line, number++);
      line = "";
    } else if (octet === 0x09 || (octet >= 0x20 && octet !== 0x7f)) {
      line += String.fromCharCode(octet);
    } else {
      throw atLine(
        number,
        `octet 0x${octet.toString(16).padStart(2, "0")} is not allowed`,
      );
    }
  }
  if (line !== "") parser.line(line, number);
  return parser.end();
}

class PolicyParser {
  readonly #logs: PolicyLog[] = [];
  readonly #witnesses: PolicyWitness[] = [];
  readonly #groups = new Map<string, PolicyGroup>();
  readonly #names = new Set<string>();
  readonly #inGroup = new Set<string>();
  readonly #publicKeys = { log: new Set<string>(), witness: new Set<string>() };
  readonly #identities = new Set<string>();
  #quorum: string | null | undefined;

  line(text: string, number: number): void {
    const items = text.split(/[ \t]+/).filter((item) => item !== "");
    const [keyword, ...rest] = items;
    if (keyword === undefined || keyword.startsWith("#")) return;
    const fail = (why: string): never => {
      throw atLine(number, why);
    };
    switch (keyword) {
      case "log":
        return this.#log(rest, fail);
      case "witness":
        return this.#witness(rest, fail);
      case "group":
        return this.#group(rest, fail);
      case "quorum":
        return this.#setQuorum(rest, fail);
      default:
        return fail(`unknown keyword "${excerpt(keyword)}"`);
    }
  }

  end(): Policy {
    if (this.#quorum === undefined) {
      throw new SyntaxError("Cannot parse policy: it must have a quorum line");
    }
    return {
      logs: this.#logs,
      witnesses: this.#witnesses,
      groups: this.#groups,
      quorum: this.#quorum,
    };
  }

  #log([vkey, url, ...extra]: string[], fail: Fail): void {
    if (vkey === undefined || extra.length > 0) {
      return fail('must be "log <vkey> [<url>]"');
    }
    this.#logs.push({ key: this.#key("log", vkey, fail), url: url ?? null });
  }

  #witness([name, vkey, url, ...extra]: string[], fail: Fail): void {
    if (name === undefined || vkey === undefined || extra.length > 0) {
      return fail('must be "witness <name> <vkey> [<url>]"');
    }
    this.#define(name, fail);
    const key = this.#key("witness", vkey, fail);
    if (key.type === KeyType.ed25519) {
      return fail("a witness key must have type 0x04 or 0x06");
    }
    this.#witnesses.push({ name, key, url: url ?? null });
  }

  #group([name, count, ...members]: string[], fail: Fail): void {
    if (name === undefined || count === undefined || members.length === 0) {
      return fail('must be "group <name> <k>|any|all <member>…"');
    }
    for (const member of members) {
      if (!this.#names.has(member)) {
        return fail(`"${excerpt(member)}" is not defined above`);
      }
      if (this.#inGroup.has(member)) {
        return fail(`"${excerpt(member)}" is a member already`);
      }
      this.#inGroup.add(member);
    }
    this.#define(name, fail);
    const threshold = count === "any"
      ? 1
      : count === "all"
      ? members.length
      : /^[1-9][0-9]{0,8}$/.test(count)
      ? Number(count)
      : 0;
    if (threshold < 1 || threshold > members.length) {
      return fail(`the threshold must be any, all or 1 to ${members.length}`);
    }
    this.#groups.set(name, { threshold, members });
  }

  #setQuorum([name, ...extra]: string[], fail: Fail): void {
    if (this.#quorum !== undefined) {
      return fail("there is a quorum line already");
    }
    if (name === undefined || extra.length > 0) {
      return fail('must be "quorum <name>|none"');
    }
    if (name !== "none" && !this.#names.has(name)) {
      return fail(`"${excerpt(name)}" is not defined above`);
    }
    this.#quorum = name === "none" ? null : name;
  }

  #define(name: string, fail: Fail): void {
    if (name === "none") return fail('"none" is predefined');
    if (this.#names.has(name)) {
      return fail(`"${excerpt(name)}" is defined already`);
    }
    this.#names.add(name);
  }

  #key(kind: "log" | "witness", octets: string, fail: Fail): VerifierKey {
    let key: VerifierKey;
    try {
      key = parseVkey(
        parseUtf8(Uint8Array.from(octets, (c) => c.charCodeAt(0))),
      );
    } catch (error) {
      return fail((error as Error).message);
    }
    // By public key alone: under another name or ID it is still one party.
    const publicKey = encodeHex(key.publicKey);
    if (this.#publicKeys[kind].has(publicKey)) {
      return fail(`this ${kind}'s key is listed already`);
    }
    this.#publicKeys[kind].add(publicKey);
    // A signature line is matched to a key by these two, which must not be ambiguous.
    const identity = `${key.name}+${key.keyId}`;
    if (this.#identities.has(identity)) {
      return fail(`a key ${excerpt(identity)} is listed already`);
    }
    this.#identities.add(identity);
    return key;
  }
}

type Fail = (why: string) => never;

function atLine(number: number, why: string): SyntaxError {
  return new SyntaxError(`Cannot parse policy: line ${number}: ${why}`);
}

/** A witness whose cosignature verified. */
export interface Cosigned {
  /** The witness, as the policy knows it. */
  readonly witness: PolicyWitness;
  /** When it cosigned, in POSIX seconds. */
  readonly time: bigint;
}

/** What a policy says of a signed checkpoint. */
export type PolicyVerdict =
  | {
    readonly kind: "accepted";
    /** What the checkpoint says. */
    readonly checkpoint: Checkpoint;
    /** The log that signed it. */
    readonly log: PolicyLog;
    /** Every known witness that cosigned it. */
    readonly cosigned: readonly Cosigned[];
  }
  | { readonly kind: "refused"; readonly why: string };

/**
 * Whether the witnesses that hold are enough for the policy's quorum.
 *
 * @param policy The policy.
 * @param holding Names of the witnesses whose cosignature verified.
 */
export function quorumHolds(
  policy: Policy,
  holding: ReadonlySet<string>,
): boolean {
  if (policy.quorum === null) return true;
  const held = new Set(holding);
  // Members are defined before their group, and the map keeps that order.
  for (const [name, { threshold, members }] of policy.groups) {
    if (members.filter((member) => held.has(member)).length >= threshold) {
      held.add(name);
    }
  }
  return held.has(policy.quorum);
}

/**
 * Judges a signed checkpoint: (a) signed by a listed log whose key name is the
 * origin, (b) the quorum holds. One failing line of any listed key refuses it.
 *
 * @param policy The policy.
 * @param note The signed checkpoint.
 * @param ed25519 The implementation to verify with.
 * @throws {SyntaxError} If the note or its text is malformed.
 */
export function checkPolicy(
  policy: Policy,
  note: Uint8Array,
  ed25519: Ed25519 = pureEd25519,
): PolicyVerdict {
  const keys = [...policy.logs, ...policy.witnesses].map(({ key }) => key);
  const opened = openNote(note, keys.map((key) => verifierOf(key, ed25519)));
  if (opened.kind === "unverified") {
    return refused("no trusted key signed the checkpoint");
  }
  if (opened.kind === "invalid-signature") {
    return refused(
      `the signature by ${opened.name} (key ${opened.keyId}) does not verify`,
    );
  }
  const checkpoint = parseCheckpoint(opened.text);
  const signatureBy = (
    { key }: { key: VerifierKey },
  ): NoteSignature | undefined =>
    opened.verified.find(({ name, keyId }) => name === key.name && keyId === key.keyId);

  const log = policy.logs.find((log) => log.key.name === checkpoint.origin && signatureBy(log));
  if (!log) {
    return refused(
      `no trusted log signed as "${excerpt(checkpoint.origin)}"`,
    );
  }
  const cosigned: Cosigned[] = [];
  for (const witness of policy.witnesses) {
    const line = signatureBy(witness);
    if (line) cosigned.push({ witness, time: cosignatureTime(line.signature) });
  }
  if (
    !quorumHolds(
      policy,
      new Set(cosigned.map(({ witness }) => witness.name)),
    )
  ) {
    const names = cosigned.map(({ witness }) => witness.name).join(", ") ||
      "none";
    return refused(
      `the quorum "${policy.quorum}" is not met: cosigned by ${names}`,
    );
  }
  return { kind: "accepted", checkpoint, log, cosigned };
}

function refused(why: string): PolicyVerdict {
  return { kind: "refused", why };
}

/** The policy of a log without witnesses: its key alone. */
export function policyOfLog(
  key: VerifierKey,
  url: string | null = null,
): Policy {
  return {
    logs: [{ key, url }],
    witnesses: [],
    groups: new Map(),
    quorum: null,
  };
}
