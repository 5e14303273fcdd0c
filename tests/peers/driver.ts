/**
 * Drives `check`, our tool around the Go reference libraries (`cmd/check`): spawned
 * once, one JSON request and one JSON response a line.
 *
 * ```ts ignore
 * Deno.test("a Go client opens our notes", () =>
 *   Check.use(async (check) => {
 *     const { text } = await check.must("note-open", { vkeys: [vkey], note });
 *   }));
 * ```
 *
 * Bytes and hashes are `Uint8Array` here and base64 on the wire; sizes, indices and
 * timestamps are `bigint` here and decimal text on the wire. In a request either form
 * will do, so that a test vector's text passes unchanged.
 */

import { requirePeer } from "./peers.ts";

/** Bytes, or their standard base64. */
export type Bytes = Uint8Array | string;
/** A size, index or timestamp, or its decimal text. */
export type Decimal = bigint | number | string;
/** The name and key ID (8 hex digits) of a key that signed. */
export type SignedBy = { name: string; keyId: string };

/**
 * Where an operation's tree comes from: leaf hashes, entries, or a synthetic log, whose
 * entry `i` is the first `i mod 33` bytes of SHA-256(`label:i`), as in the test vectors
 * (at most 2^21 entries).
 */
export type TreeSource = { leafHashes: Bytes[] } | { entries: Bytes[] } | {
  label: string;
};
/** A log's trust: a policy text, or one key of type 0x01, 0x04 or 0x06 with its origin. */
export type Trust = { policy: Bytes } | { vkey: string; origin?: string };
/** Where a log is read: over HTTP, or from a folder in the C2SP layout. */
export type LogSource = { baseUrl: string } | { dir: string };

/** The operations of the tool: what each is given and what it returns if it accepts. */
export interface Operations {
  /** The exact versions of Go and of every module in the tool. */
  "versions": [
    Record<never, never>,
    { go: string; modules: Record<string, string> },
  ];
  /** A new key: x/mod (0x01), formats (0x04 in vkey form, 0x06). */
  "note-generate-key": [
    { origin: string; alg?: "ed25519" | "cosignature" | "ml-dsa-44" },
    { skey: string; vkey: string },
  ];
  /** Reads a key: x/mod (0x01), torchwood (0x04), formats (0x06); `vkey` for skeys of type 0x01. */
  "key-parse": [
    { skey: string } | { vkey: string },
    { name: string; keyId: string; vkey?: string },
  ];
  /** x/mod `note.Sign`. */
  "note-sign": [{ skey: string; text: Bytes }, { note: Uint8Array }];
  /** x/mod `note.Open` with keys of any type. */
  "note-open": [
    { vkeys: string[]; note: Bytes },
    { text: Uint8Array; verified: SignedBy[]; unverified: SignedBy[] },
  ];
  /** Cosigns as of now: formats (0x04, 0x06) or torchwood (0x04); an skey of type 0x01 as 0x04. */
  "cosign-sign": [
    { skey: string; note: Bytes; library?: "formats" | "torchwood" },
    { line: Uint8Array; note: Uint8Array },
  ];
  /** Verifies one cosignature; formats takes a vkey of type 0x01 as 0x04, torchwood does not. */
  "cosign-verify": [
    { vkey: string; note: Bytes; library?: "formats" | "torchwood" },
    { timestamp: bigint },
  ];
  /** formats `SignSubtree` (0x06): the timestamp's 8 bytes, then the signature. */
  "cosign-subtree-sign": [
    {
      skey: string;
      timestamp: Decimal;
      origin: string;
      start: Decimal;
      end: Decimal;
      hash: Bytes;
    },
    { signature: Uint8Array },
  ];
  /** formats `VerifySubtree` (0x06). */
  "cosign-subtree-verify": [
    {
      vkey: string;
      timestamp: Decimal;
      origin: string;
      start: Decimal;
      end: Decimal;
      hash: Bytes;
      signature: Bytes;
    },
    Record<never, never>,
  ];
  /** formats `log.ParseCheckpoint`; `vkeys` are further cosigners. */
  "formats-checkpoint": [
    { note: Bytes; origin: string; vkey: string; vkeys?: string[] },
    {
      origin: string;
      size: bigint;
      root: Uint8Array;
      rest: Uint8Array;
      verified: SignedBy[];
    },
  ];
  /** formats `TLogProof.Unmarshal`: parses, verifies nothing. */
  "formats-parse-proof": [
    { tlogProof: Bytes },
    {
      index: bigint;
      proof: Uint8Array[];
      checkpoint: Uint8Array;
      extra?: Uint8Array;
    },
  ];
  /** torchwood `ParsePolicy`. */
  "torchwood-parse-policy": [{ policy: Bytes }, Record<never, never>];
  /** torchwood `VerifyCheckpoint` under a policy. */
  "torchwood-check-policy": [
    Trust & { note: Bytes },
    { origin: string; size: bigint; root: Uint8Array; verified: SignedBy[] },
  ];
  /** torchwood `VerifyProof`: an offline proof, for an entry or a leaf hash. */
  "torchwood-verify-proof": [
    Trust & ({ entry: Bytes } | { leafHash: Bytes }) & { tlogProof: Bytes },
    { extra?: Uint8Array },
  ];
  /** torchwood `FormatProof`, with `extra` if given. */
  "torchwood-format-proof": [
    { index: Decimal; proof: Bytes[]; checkpoint: Bytes; extra?: Bytes },
    { tlogProof: Uint8Array },
  ];
  /**
   * torchwood `Client.AllEntries` from `start`, each entry checked against the tree;
   * `sha256` is over the entries behind their two-byte lengths, as in entry bundles.
   * The client retries 429 and 5xx after 1, 5 and 25 seconds; a reading ends after 60.
   */
  "torchwood-read-entries": [
    Trust & LogSource & { start?: Decimal; wantEntries?: boolean },
    {
      checkpoint: Uint8Array;
      origin: string;
      size: bigint;
      root: Uint8Array;
      count: bigint;
      sha256: Uint8Array;
      entries?: Uint8Array[];
    },
  ];
  /** torchwood `Client.Entry`: one entry and its proof, made from tiles and checked. */
  "torchwood-read-entry": [
    Trust & LogSource & { index: Decimal },
    {
      checkpoint: Uint8Array;
      size: bigint;
      root: Uint8Array;
      entry: Uint8Array;
      proof: Uint8Array[];
    },
  ];
  /** torchwood `TilePath`; level is a number or `entries`. */
  "torchwood-tile-path": [
    { level: Decimal; index: Decimal; width: Decimal },
    { path: string },
  ];
  /** torchwood `ParseTilePath`. */
  "torchwood-parse-tile-path": [
    { path: string },
    { level: string; index: bigint; width: bigint },
  ];
  /** x/mod `tlog.TreeHash`. */
  "tlog-root": [TreeSource & { size: Decimal }, { root: Uint8Array }];
  /** x/mod `tlog.CheckRecord`. */
  "tlog-check-record": [
    {
      proof: Bytes[];
      size: Decimal;
      root: Bytes;
      index: Decimal;
      leafHash: Bytes;
    },
    Record<never, never>,
  ];
  /** x/mod `tlog.CheckTree`, `size1` the older; it refuses size 0. */
  "tlog-check-tree": [
    {
      proof: Bytes[];
      size1: Decimal;
      root1: Bytes;
      size2: Decimal;
      root2: Bytes;
    },
    Record<never, never>,
  ];
  /** x/mod `tlog.ProveRecord`; `entry` unless the tree is of leaf hashes. */
  "tlog-prove-record": [
    TreeSource & { size: Decimal; index: Decimal },
    {
      proof: Uint8Array[];
      root: Uint8Array;
      leafHash: Uint8Array;
      entry?: Uint8Array;
    },
  ];
  /** x/mod `tlog.ProveTree`, `size1` the older. */
  "tlog-prove-tree": [
    TreeSource & { size1: Decimal; size2: Decimal },
    { proof: Uint8Array[]; root1: Uint8Array; root2: Uint8Array },
  ];
  /** x/mod `tlog.NewTiles`: the hash tiles to write when a tree grows, as C2SP paths. */
  "tlog-new-tiles": [{ size1: Decimal; size2: Decimal }, { paths: string[] }];
  /** The tile or entry bundle at a C2SP path of a tree. */
  "tlog-tile": [
    TreeSource & { size: Decimal; path: string },
    { data: Uint8Array },
  ];
  /** A signed checkpoint of a tree; the origin is the key's name if not given. */
  "tlog-checkpoint": [
    TreeSource & {
      size: Decimal;
      skey: string;
      origin?: string;
      extension?: string;
    },
    { note: Uint8Array },
  ];
  /** The body that a log at `size2` posts to a witness that knows `size1`. */
  "tlog-add-checkpoint-body": [
    TreeSource & {
      size1: Decimal;
      size2: Decimal;
      skey: string;
      origin?: string;
      extension?: string;
    },
    { text: Uint8Array; note: Uint8Array },
  ];
  /** Writes a whole log as files below `dir`: checkpoint, tiles, entry bundles. */
  "tlog-write-log": [
    TreeSource & { size: Decimal; skey: string; dir: string; origin?: string },
    { note: Uint8Array },
  ];
}

/** What a library made of a request: accepted with its result, or refused. */
export type Verdict<Result> = ({ ok: true } & Result) | {
  ok: false;
  error: string;
};

/** On the wire these fields end in `_b64`. */
const BYTES = new Set(
  [
    "checkpoint",
    "data",
    "entries",
    "entry",
    "extra",
    "line",
    "note",
    "policy",
    "rest",
  ]
    .concat(["signature", "text"]),
);
/** Base64 under their own name: hashes. */
const HASHES = new Set(
  [
    "hash",
    "leafHash",
    "leafHashes",
    "proof",
    "root",
    "root1",
    "root2",
    "sha256",
  ],
);
const DECIMALS = new Set(
  [
    "count",
    "end",
    "index",
    "size",
    "size1",
    "size2",
    "start",
    "timestamp",
    "width",
  ],
);

/** How long one request may take: some Go code never returns on odd sizes. */
const LIMIT_MS = 90_000;

/** The tool under way. */
export class Check implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #done: Promise<void>;
  /** Requests without a response yet, in the order in which they were written. */
  readonly #waiting: {
    resolve: (line: string) => void;
    reject: (error: Error) => void;
  }[] = [];
  #ended = false;

  private constructor(program: string) {
    this.#child = new Deno.Command(program, {
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    })
      .spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#done = this.#read();
  }

  /**
   * Starts the tool.
   *
   * @returns It, or `null` if the peer is missing.
   */
  static async start(): Promise<Check | null> {
    const program = await requirePeer("check");
    return program === null ? null : new Check(program);
  }

  /**
   * Starts the tool for the length of a body. Inside it `check` is never null, which
   * spares TypeScript the narrowing that it cannot do in a loop with assertions (TS7022).
   *
   * @param body What to do with it; not called if the peer is missing.
   */
  static async use(body: (check: Check) => Promise<void>): Promise<void> {
    await using check = await Check.start();
    if (check !== null) await body(check);
  }

  /** The tool's process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /**
   * Runs one operation.
   *
   * @param op Its name.
   * @param request Its arguments.
   * @returns The library's verdict.
   * @throws {TypeError} If the request was wrong or the library panicked: not a verdict.
   * @throws {Error} If the tool has ended, or took too long and was ended.
   */
  async call<Op extends keyof Operations>(
    op: Op,
    request: Operations[Op][0],
  ): Promise<Verdict<Operations[Op][1]>> {
    const response = JSON.parse(
      await this.#exchange(JSON.stringify({ op, ...encode(request) })),
    );
    if (response.fault !== undefined) {
      throw new TypeError(`check ${op}: ${response.fault}`);
    }
    return decode(response) as Verdict<Operations[Op][1]>;
  }

  /**
   * Runs one operation that must be accepted.
   *
   * @param op Its name.
   * @param request Its arguments.
   * @returns The result.
   * @throws {Error} If the library refused, with its words; else as {@linkcode call}.
   */
  async must<Op extends keyof Operations>(
    op: Op,
    request: Operations[Op][0],
  ): Promise<Operations[Op][1]> {
    const verdict: Verdict<Operations[Op][1]> = await this.call(op, request);
    if (!verdict.ok) {
      throw new Error(`check ${op} refused: ${verdict.error}`);
    }
    const { ok: _, ...result } = verdict;
    return result as Operations[Op][1];
  }

  /** Ends the tool and waits until it is gone. */
  async stop(): Promise<void> {
    if (!this.#ended) {
      await this.#input.close().catch(() => {});
      // Its input has ended, so it does too, unless it is lost in a computation.
      const force = setTimeout(() => this.#kill(), 5_000);
      await this.#done;
      clearTimeout(force);
    }
    await this.#done;
  }

  /** As {@linkcode stop}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #exchange(line: string): Promise<string> {
    if (this.#ended) throw new Error("Cannot ask check: it has ended");
    const answer = new Promise<string>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
    const limit = setTimeout(() => this.#kill(), LIMIT_MS);
    try {
      const [text] = await Promise.all([
        answer,
        this.#input.write(new TextEncoder().encode(`${line}\n`)),
      ]);
      return text;
    } finally {
      clearTimeout(limit);
    }
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    try {
      for await (const part of this.#child.stdout) {
        const lines = (rest + decoder.decode(part, { stream: true })).split(
          "\n",
        );
        rest = lines.pop() ?? "";
        for (const line of lines) this.#waiting.shift()?.resolve(line);
      }
    } finally {
      const { code, signal } = await this.#child.status;
      this.#ended = true;
      const error = new Error(
        `check has ended (${signal ?? code}) before it answered`,
      );
      for (const { reject } of this.#waiting.splice(0)) reject(error);
      await this.#input.abort().catch(() => {});
    }
  }

  #kill() {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // Already gone.
    }
  }
}

function snake(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function camel(key: string): string {
  return key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function base64(value: unknown): unknown {
  if (value instanceof Uint8Array) return value.toBase64();
  return Array.isArray(value) ? value.map(base64) : value;
}

function bytes(value: unknown): unknown {
  return typeof value === "string"
    ? Uint8Array.fromBase64(value)
    : Array.isArray(value)
    ? value.map(bytes)
    : value;
}

function encode(request: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(request).filter(([, value]) => value !== undefined).map(
      ([key, value]) => {
        if (key === "tlogProof") return ["proof_b64", base64(value)];
        if (BYTES.has(key)) return [`${snake(key)}_b64`, base64(value)];
        if (HASHES.has(key)) return [snake(key), base64(value)];
        if (DECIMALS.has(key) || key === "level") {
          return [snake(key), String(value)];
        }
        return [snake(key), value];
      },
    ),
  );
}

function decode(response: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(response).map(([key, value]) => {
      if (key === "proof_b64") return ["tlogProof", bytes(value)];
      if (key.endsWith("_b64")) return [camel(key.slice(0, -4)), bytes(value)];
      const name = camel(key);
      if (HASHES.has(name)) return [name, bytes(value)];
      if (DECIMALS.has(name)) return [name, BigInt(value as string)];
      if (name === "verified" || name === "unverified") {
        return [name, (value as Record<string, unknown>[]).map(decode)];
      }
      return [name, value];
    }),
  );
}
