/**
 * Reads the bodies of HTTP requests: never more than a limit into memory, and for
 * no longer than a deadline, so that who sends a byte a second holds nothing for
 * long. Log and witness share it; it has an export path of its own because it waits.
 *
 * How long a body is, is settled before it gets here: Deno's server answers 400 to
 * more than one length, to a length beside `Transfer-Encoding`, and to anything
 * but `chunked` as the last transfer coding, and cuts a body at its length. Other
 * hosts may not cut it, so its length is looked at again.
 *
 * @module
 */

/** A body, or why it is not read. */
export type Body =
  | { readonly kind: "read"; readonly bytes: Uint8Array }
  | { readonly kind: "too-large" }
  /** The client went away in the middle of it, or its coding is not one that is read here. */
  | { readonly kind: "broken" }
  /** It came too slowly. */
  | { readonly kind: "stalled" };

/** How fast a body must come. */
export interface Pace {
  /** Milliseconds in which the whole body must have come. */
  readonly timeout: number;
  /** For long bodies: each time so many bytes have come, the time begins anew. */
  readonly stride?: number;
}

/** The pace of short bodies: 30 seconds for the whole, however often a byte of it comes. */
export const DEFAULT_PACE: Pace = { timeout: 30_000 };

/**
 * Reads the whole body of a request.
 *
 * @param request The request.
 * @param limit The most bytes it may have.
 * @param pace How fast it must come.
 */
export async function readBody(
  request: Request,
  limit: number,
  pace: Pace = DEFAULT_PACE,
): Promise<Body> {
  const { headers } = request;
  const announced = headers.get("content-length");
  if (announced === null) {
    // `gzip, chunked` is allowed in HTTP, and would be compression by another name.
    const coding = headers.get("transfer-encoding");
    if (coding !== null && coding.trim().toLowerCase() !== "chunked") return { kind: "broken" };
  } else if (Number(announced) > limit) return { kind: "too-large" };
  try {
    return announced !== null && pace.stride === undefined
      ? await readWhole(request, limit, pace)
      : request.body
      ? await readPieces(request.body.getReader(), limit, pace)
      : { kind: "read", bytes: new Uint8Array() };
  } catch {
    return { kind: "broken" };
  }
}

/**
 * Reads a body of known length in one step, which is a third cheaper than piece by
 * piece. One that is late goes on being read, up to its length: its connection is to
 * be closed behind the answer.
 */
async function readWhole(request: Request, limit: number, pace: Pace): Promise<Body> {
  const late = Promise.withResolvers<null>();
  const arrival = new Arrival(pace, () => late.resolve(null));
  try {
    const bytes = await Promise.race([request.bytes(), late.promise]);
    if (bytes === null) return { kind: "stalled" };
    return bytes.length > limit ? { kind: "too-large" } : { kind: "read", bytes };
  } finally {
    arrival.end();
  }
}

async function readPieces(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  limit: number,
  pace: Pace,
): Promise<Body> {
  let late = false;
  const arrival = new Arrival(pace, () => {
    late = true;
    cancel(reader);
  });
  try {
    const body = await collect(reader, limit, arrival);
    return late ? { kind: "stalled" } : body;
  } finally {
    arrival.end();
  }
}

async function collect(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  limit: number,
  arrival: Arrival,
): Promise<Body> {
  let bytes = new Uint8Array();
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { kind: "read", bytes: bytes.subarray(0, size) };
    if (size + value.length > limit) {
      cancel(reader);
      return { kind: "too-large" };
    }
    // Most bodies are one piece. Of many, one a byte say, none is kept: each would
    // take a hundred times its size.
    if (size === 0) bytes = value as Uint8Array<ArrayBuffer>;
    else {
      if (size + value.length > bytes.length) bytes = grown(bytes, size + value.length, limit);
      bytes.set(value, size);
    }
    size += value.length;
    arrival.advance(size);
  }
}

/** A copy with room for `size` bytes and as many again, up to the limit. */
function grown(bytes: Uint8Array, size: number, limit: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.min(2 * size, limit));
  larger.set(bytes);
  return larger;
}

/** Reads no more: whoever waits for the next piece is told that there is none. */
function cancel(reader: ReadableStreamDefaultReader): void {
  reader.cancel().catch(() => {}); // It may have gone away by itself.
}

/** Milliseconds between two looks at the clock; a body may come so much later than it must. */
const TICK = 250;

/** A body on its way. One timer watches all of them: one each would cost a third of the reading. */
class Arrival {
  static readonly #all = new Set<Arrival>();
  static #timer: ReturnType<typeof setTimeout> | undefined;

  readonly #timeout: number;
  readonly #stride: number;
  readonly #giveUp: () => void;
  #due: number;
  /** The size at which the time begins anew. */
  #milestone: number;

  constructor({ timeout, stride = Infinity }: Pace, giveUp: () => void) {
    this.#timeout = timeout;
    this.#stride = stride;
    this.#giveUp = giveUp;
    this.#due = performance.now() + timeout;
    this.#milestone = stride;
    Arrival.#all.add(this);
    Arrival.#timer ??= setTimeout(Arrival.#look, TICK);
  }

  /** So many bytes have come. */
  advance(size: number): void {
    if (size < this.#milestone) return;
    this.#due = performance.now() + this.#timeout;
    this.#milestone = size + this.#stride;
  }

  /** It has come, or nobody waits for it any more. */
  end(): void {
    // The timer finds out by itself: most bodies are there before it could be stopped.
    Arrival.#all.delete(this);
  }

  static #look(this: void): void {
    const now = performance.now();
    for (const arrival of Arrival.#all) {
      if (arrival.#due > now) continue;
      Arrival.#all.delete(arrival);
      arrival.#giveUp();
    }
    Arrival.#timer = Arrival.#all.size > 0 ? setTimeout(Arrival.#look, TICK) : undefined;
  }
}
