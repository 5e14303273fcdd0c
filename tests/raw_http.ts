/**
 * HTTP by hand: bytes onto a socket and bytes back, for requests that no client
 * library would send.
 */

import { utf8 } from "@indelible/core";
import { Buffer } from "node:buffer";

/** An answer as it came. */
export interface RawAnswer {
  /** The status; 0 when the connection ended without one. */
  readonly status: number;
  /** Header fields. */
  readonly headers: Headers;
  /** The body, its chunks joined. */
  readonly body: Uint8Array;
  /** The body as text. */
  readonly text: string;
}

/** What is written: one piece, or several with a pause between them. */
export type Pieces = string | Uint8Array | readonly (string | Uint8Array)[];

const PAUSE_MS = 20;
/** So that a test of a server that neither answers nor closes ends. */
const PATIENCE_MS = 20_000;

/**
 * Writes to a server on this machine and reads until it closes the connection, or
 * has given as many answers as are wanted.
 */
export async function exchange(
  port: number,
  pieces: Pieces,
  wanted = Infinity,
): Promise<RawAnswer[]> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const late = setTimeout(() => connection.close(), PATIENCE_MS);
  try {
    const reading = readAnswers(connection, wanted);
    const writing = write(connection, pieces);
    const answers = await reading;
    clearTimeout(late);
    connection.close();
    await writing;
    return answers;
  } finally {
    clearTimeout(late);
  }
}

/**
 * One request and its answer; status 0 when there is none.
 *
 * @param port Where the server listens on this machine.
 * @param head The request line and header fields, a line each; `Host` and
 *   `Connection: close` are added.
 * @param body What comes after them, as it is.
 */
export async function request(
  port: number,
  head: readonly string[],
  body: Pieces = [],
): Promise<RawAnswer> {
  const [line, ...fields] = head;
  const all = [line, `Host: 127.0.0.1:${port}`, "Connection: close", ...fields];
  const pieces = [all.join("\r\n") + "\r\n\r\n", ...listOf(body)];
  const [answer] = await exchange(port, pieces, 1);
  return answer ?? { status: 0, headers: new Headers(), body: new Uint8Array(), text: "" };
}

function listOf(pieces: Pieces): readonly (string | Uint8Array)[] {
  return typeof pieces === "string" || pieces instanceof Uint8Array ? [pieces] : pieces;
}

async function write(connection: Deno.Conn, pieces: Pieces): Promise<void> {
  try {
    for (const [i, piece] of listOf(pieces).entries()) {
      if (i > 0) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      const bytes = typeof piece === "string" ? utf8(piece) : piece;
      for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
    }
  } catch {
    // The server has heard enough and closed.
  }
}

async function readAnswers(connection: Deno.Conn, wanted: number): Promise<RawAnswer[]> {
  const answers: RawAnswer[] = [];
  const buffer = new Uint8Array(65_536);
  let text = ""; // One character a byte, so that offsets are offsets.
  let ended = false;
  while (!ended && answers.length < wanted) {
    try {
      const count = await connection.read(buffer);
      if (count === null) ended = true;
      else text += Buffer.from(buffer.subarray(0, count)).toString("latin1");
    } catch {
      ended = true; // A reset ends it too; what came before counts.
    }
    for (let parsed; (parsed = parseAnswer(text, ended));) {
      text = parsed.rest;
      if (parsed.answer.status >= 200) answers.push(parsed.answer);
    }
  }
  return answers;
}

/** The first answer of a text, if it is all there. */
function parseAnswer(text: string, ended: boolean): { answer: RawAnswer; rest: string } | null {
  const end = text.indexOf("\r\n\r\n");
  if (!text.startsWith("HTTP/") || end < 0) return null;
  const [line, ...fields] = text.slice(0, end).split("\r\n");
  const status = Number(line!.split(" ")[1]);
  const headers = new Headers(fields.map((field): [string, string] => {
    const colon = field.indexOf(":");
    return [field.slice(0, colon), field.slice(colon + 1).trim()];
  }));
  const after = text.slice(end + 4);
  const bare = status < 200 || status === 204 || status === 304;
  const cut = bare
    ? { body: "", rest: after }
    : headers.get("transfer-encoding") === "chunked"
    ? joinChunks(after)
    : cutBody(after, Number(headers.get("content-length") ?? after.length), ended);
  if (!cut) return null;
  const body = new Uint8Array(Buffer.from(cut.body, "latin1"));
  return {
    answer: { status, headers, body, text: new TextDecoder().decode(body) },
    rest: cut.rest,
  };
}

/** An answer to HEAD announces a body that does not come: the end tells. */
function cutBody(text: string, length: number, ended: boolean) {
  if (text.length < length && !ended) return null;
  return { body: text.slice(0, length), rest: text.slice(length) };
}

function joinChunks(text: string): { body: string; rest: string } | null {
  const parts: string[] = [];
  for (let at = 0;;) {
    const end = text.indexOf("\r\n", at);
    const size = parseInt(text.slice(at, end), 16);
    if (end < 0 || end + 2 + size + 2 > text.length) return null;
    if (size === 0) return { body: parts.join(""), rest: text.slice(end + 4) };
    parts.push(text.slice(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
}
