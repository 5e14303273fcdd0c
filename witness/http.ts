/**
 * The witness over HTTP: routes, limits, and the one table from outcome to
 * status (C2SP tlog-witness).
 *
 * - `POST /add-checkpoint`, `POST /sign-subtree` (with an ML-DSA-44 key)
 * - `GET /<hex SHA-256 of the origin>/checkpoint`
 * - `GET /evidence`, `/healthz`, `/metrics`
 *
 * @module
 */

import { encodeBase64, WITNESS_SIZE_TYPE } from "@indelible/core";
import { DEFAULT_PACE, type Pace, readBody } from "@indelible/core/request_body";
import { RateLimit } from "./rate_limit.ts";
import type { KeptEvidence } from "./store.ts";
import { type Outcome, Witness, type WitnessParts } from "./witness.ts";

/** The most bytes a request may have: looked at before anything is parsed. */
export const MAX_BODY = 128 * 1024;
/** Failed requests that an address may make a minute, unless told otherwise. */
export const DEFAULT_FAILURES = 600;

const MAX_EVIDENCE_LISTED = 1_000;
const TEXT = "text/plain; charset=utf-8";

/** How a witness is served. */
export interface WitnessOptions extends WitnessParts {
  /** Failed requests that an address may make a minute; 0 for no limit. */
  readonly maxFailures?: number;
  /** How fast a request's body must come; 30 seconds for the whole unless told otherwise. */
  readonly pace?: Pace;
}

/** Who sent a request, as far as the server knows. */
export interface Sender {
  /** Its address. */
  readonly address: string;
}

/** A witness that answers requests. */
export interface WitnessHandler {
  /** The witness itself. */
  readonly witness: Witness;
  /** Answers a request; never rejects. Without a sender nothing is limited. */
  readonly fetch: (request: Request, sender?: Sender) => Promise<Response>;
}

/** What a request came to, statuses aside. */
type Answer =
  | Outcome
  | { readonly kind: "page"; readonly type: string; readonly body: BodyInit }
  | { readonly kind: "too-large" | "broken" | "stalled" | "limited" | "failed" }
  | { readonly kind: "not-found"; readonly why: string }
  | { readonly kind: "method"; readonly allow: string };

/**
 * Makes a witness for any host.
 *
 * @example A witness in memory
 * ```ts
 * import { createWitness, MemoryStore } from "@indelible/witness";
 * import { KeyType, signerKey } from "@indelible/core";
 *
 * const seed = crypto.getRandomValues(new Uint8Array(32));
 * const key = signerKey("witness.example", KeyType.ed25519Cosignature, seed);
 * const { fetch } = await createWitness({ store: new MemoryStore(), keys: [key] });
 * const { status } = await fetch(new Request("http://witness.example/healthz"));
 * if (status !== 200) throw new Error("not healthy");
 * ```
 *
 * @param options The store, the keys, the logs.
 * @throws {Error} If they do not fit together.
 */
export async function createWitness(
  options: WitnessOptions,
): Promise<WitnessHandler> {
  const witness = await Witness.of(options);
  const { pace = DEFAULT_PACE } = options;
  const limit = new RateLimit({
    failures: options.maxFailures ?? DEFAULT_FAILURES,
    clock: () => performance.now(),
  });
  async function fetch(request: Request, sender?: Sender): Promise<Response> {
    const route = routeOf(pathOf(request.url));
    let answer = await answerTo(witness, limit, pace, route, request, sender);
    if (sender && answer.kind === "cosigned") limit.succeeded(sender.address);
    if (sender && isFailure(answer) && limit.failed(sender.address)) {
      answer = { kind: "limited" };
    }
    if (answer.kind === "limited") witness.metrics.limited.add();
    const response = responseTo(answer);
    witness.metrics.requests.add(route.name, `${response.status}`);
    return response;
  }
  return { witness, fetch };
}

/** Whether it was the sender's fault. A 409 is how a log learns the size. */
function isFailure({ kind }: Answer): boolean {
  return kind === "malformed" || kind === "unknown-log" ||
    kind === "untrusted" || kind === "inconsistent" || kind === "too-large" ||
    kind === "not-found" || kind === "method";
}

/** A place that answers. */
interface Route {
  /** For the metrics: a fixed word. */
  readonly name: string;
  readonly methods: readonly string[];
  readonly answer: (witness: Witness, request: Request, pace: Pace) => Promise<Answer>;
}

const READ = ["GET", "HEAD"];
const CHECKPOINT_PATH = /^\/([0-9a-f]{64})\/checkpoint$/;

const ROUTES: ReadonlyMap<string, Route> = new Map(
  Object.entries<Omit<Route, "name">>({
    "/add-checkpoint": {
      methods: ["POST"],
      answer: (witness, request, pace) =>
        withBody(request, pace, (body) => witness.addCheckpoint(body)),
    },
    "/sign-subtree": {
      methods: ["POST"],
      answer: async (witness, request, pace) =>
        witness.cosigner.signsSubtrees
          ? await withBody(request, pace, (body) => witness.signSubtree(body))
          : {
            kind: "not-found",
            why: "This witness has no ML-DSA-44 key to cosign subtrees with",
          },
    },
    "/evidence": {
      methods: READ,
      answer: async (witness) => ({
        kind: "page",
        type: "application/json",
        body: evidencePage(await witness.evidence(MAX_EVIDENCE_LISTED)),
      }),
    },
    "/healthz": {
      methods: READ,
      answer: (witness) =>
        Promise.resolve(
          witness.healthy ? { kind: "page", type: TEXT, body: "ok\n" } : { kind: "failed" },
        ),
    },
    "/metrics": {
      methods: READ,
      answer: (witness) =>
        Promise.resolve({
          kind: "page",
          type: "text/plain; version=0.0.4; charset=utf-8",
          body: witness.metrics.text(),
        }),
    },
  }).map(([path, route]) => [path, { name: path.slice(1), ...route }]),
);

const NO_ROUTE: Route = {
  name: "other",
  methods: [],
  answer: () => Promise.resolve({ kind: "not-found", why: "There is nothing at this path" }),
};

/** The path of an absolute URL, as the host has normalised it; `new URL` takes ten times as long. */
function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("//") + 2);
  if (start < 0) return "/";
  const end = url.slice(start).search(/[?#]/);
  return end < 0 ? url.slice(start) : url.slice(start, start + end);
}

function routeOf(path: string): Route {
  const route = ROUTES.get(path);
  if (route) return route;
  const id = CHECKPOINT_PATH.exec(path)?.[1];
  if (id === undefined) return NO_ROUTE;
  return {
    name: "checkpoint",
    methods: READ,
    async answer(witness) {
      const note = await witness.checkpoint(id);
      return note ? { kind: "page", type: TEXT, body: note as Uint8Array<ArrayBuffer> } : {
        kind: "not-found",
        why: "No checkpoint of this log was ever cosigned",
      };
    },
  };
}

async function answerTo(
  witness: Witness,
  limit: RateLimit,
  pace: Pace,
  route: Route,
  request: Request,
  sender: Sender | undefined,
): Promise<Answer> {
  // Reads are never refused beforehand: `/healthz` must answer its prober.
  const writes = request.method === "POST";
  if (writes && sender && limit.refuses(sender.address)) {
    return { kind: "limited" };
  }
  if (route !== NO_ROUTE && !route.methods.includes(request.method)) {
    return { kind: "method", allow: route.methods.join(", ") };
  }
  try {
    return await route.answer(witness, request, pace);
  } catch (error) {
    witness.reportFailure(error);
    return { kind: "failed" };
  }
}

async function withBody(
  request: Request,
  pace: Pace,
  act: (body: Uint8Array) => Promise<Outcome>,
): Promise<Answer> {
  const body = await readBody(request, MAX_BODY, pace);
  return body.kind === "read" ? await act(body.bytes) : body;
}

/** The table: each outcome has its status, headers and body here and nowhere else. */
function responseTo(answer: Answer): Response {
  switch (answer.kind) {
    case "cosigned":
      // Text by default; without headers of its own it costs a tenth less in all.
      return new Response(answer.lines);
    case "page":
      return respond(200, answer.type, answer.body, {
        "Access-Control-Allow-Origin": "*",
        "Cache-Control": "no-cache",
      });
    case "malformed":
      return refuse(400, answer.why, {}, answer.field);
    case "broken":
      return refuse(400, "The body cannot be read to its end");
    case "stalled":
      return refuse(408, "The body came too slowly");
    case "untrusted":
      return refuse(403, answer.why);
    case "unknown-log":
    case "not-found":
      return refuse(404, answer.why);
    case "method":
      return refuse(405, `The method must be one of: ${answer.allow}`, {
        Allow: answer.allow,
      });
    case "conflict":
      return respond(409, WITNESS_SIZE_TYPE, `${answer.size}\n`);
    case "too-large":
      return refuse(413, `The body must have at most ${MAX_BODY} bytes`);
    case "inconsistent":
      return refuse(422, answer.why, {}, answer.field);
    case "limited":
      return refuse(429, "Too many failed requests came from this address", {
        "Retry-After": "60",
      });
    case "unavailable":
      return refuse(503, answer.why, { "Retry-After": "1" });
    case "failed":
      return refuse(503, "The witness's store does not answer", {
        "Retry-After": "10",
      });
  }
}

function respond(
  status: number,
  type: string,
  body: BodyInit,
  headers: Record<string, string> = {},
): Response {
  return new Response(body, {
    status,
    headers: { "Content-Type": type, ...headers },
  });
}

function refuse(
  status: number,
  error: string,
  headers: Record<string, string> = {},
  field?: string,
): Response {
  const body = JSON.stringify({ error, ...(field && { field }) }) + "\n";
  return respond(status, "application/json", body, {
    "Cache-Control": "no-store",
    ...headers,
  });
}

function evidencePage(evidence: readonly KeptEvidence[]): string {
  const pieces = evidence.map((piece) => ({
    origin: piece.origin,
    kind: piece.kind,
    time: new Date(Number(piece.time) * 1_000).toISOString(),
    count: Number(piece.count),
    size: `${piece.size}`,
    root: encodeBase64(piece.root),
    checkpoint: encodeBase64(piece.note),
    cosigned: encodeBase64(piece.held),
  }));
  return JSON.stringify({ count: pieces.length, evidence: pieces }) + "\n";
}
