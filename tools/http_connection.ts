/**
 * A connection to a server of plain HTTP/1.1 that is asked for one object after the
 * other. It knows the ordinary answer alone, `200` with a `Content-Length` and a body as
 * it is; on whatever else it gives up, and who asks turns to `fetch`, which takes four
 * times as long for an object. So it need not understand HTTP, only never mistake it.
 *
 * @module
 */

/** Room for the head of an answer, and for the beginning of its body. */
const BUFFER_BYTES = 1 << 16;
const LF = 0x0a;
const CR = 0x0d;

const ORDINARY = /^HTTP\/1\.1 200(?: [^\r\n]*)?\r\n/;
const LENGTH = /\r\ncontent-length:[ \t]*([0-9]{1,15})[ \t]*(?=\r\n)/gi;
/** What makes of the body something else than so many bytes, or of the head something else than lines. */
const PECULIAR =
  /\r\n(?:transfer-encoding|content-encoding|content-range|trailer)[ \t]*:|\r\n[ \t]|[^\r]\n|\r[^\n]/i;
const LAST_ONE = /\r\nconnection:[^\r\n]*close/i;

const encoder = new TextEncoder();
const decoder = new TextDecoder("latin1");

/** A connection. */
export class HttpConnection {
  readonly #connection: Deno.Conn;
  readonly #host: string;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  /** How many bytes of the buffer are the current answer's. */
  #received = 0;
  /** Whether it can be asked again. */
  #open = true;

  private constructor(connection: Deno.Conn, host: string) {
    this.#connection = connection;
    this.#host = host;
  }

  /**
   * Connects to a server.
   *
   * @param url Any URL of it, `http:`.
   * @throws {Error} If it cannot be reached.
   */
  static async open(url: URL): Promise<HttpConnection> {
    const hostname = url.hostname.replace(/^\[(.*)\]$/, "$1");
    const port = Number(url.port || "80");
    const connection = await Deno.connect({ hostname, port });
    connection.setNoDelay();
    return new HttpConnection(connection, url.host);
  }

  /** Whether it can be asked for another object. */
  get isOpen(): boolean {
    return this.#open;
  }

  /**
   * Asks for an object.
   *
   * @param url Where it is, on this server.
   * @param maxBytes The most bytes that it may have.
   * @returns Its bytes, or `null` if the answer is not an ordinary one; then the connection is closed.
   * @throws {Error} If the connection breaks.
   */
  async get({ pathname }: URL, maxBytes: number): Promise<Uint8Array | null> {
    const request =
      `GET ${pathname} HTTP/1.1\r\nHost: ${this.#host}\r\nAccept-Encoding: identity\r\n\r\n`;
    await this.#send(encoder.encode(request));
    const headEnd = await this.#receiveHead();
    const head = decoder.decode(this.#buffer.subarray(0, headEnd));
    const received = this.#buffer.subarray(headEnd, this.#received);
    const lengths = [...head.matchAll(LENGTH)];
    const length = Number(lengths[0]?.[1] ?? NaN);
    const isOrdinary = ORDINARY.test(head) && !PECULIAR.test(head) && lengths.length === 1;
    if (!isOrdinary || !(length <= maxBytes) || received.length > length) {
      this.close();
      return null;
    }
    const body = new Uint8Array(length);
    body.set(received);
    for (let at = received.length; at < length;) at += await this.#receive(body.subarray(at));
    if (LAST_ONE.test(head)) this.close();
    return body;
  }

  /** Ends the connection, and whatever waits for it. */
  close(): void {
    if (this.#open) this.#connection.close();
    this.#open = false;
  }

  async #send(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#connection.write(bytes.subarray(at));
  }

  /** Fills the buffer until it has the head of an answer; gives where that ends, or 0 if it is too long. */
  async #receiveHead(): Promise<number> {
    const buffer = this.#buffer;
    this.#received = 0;
    for (let looked = 0; this.#received < buffer.length;) {
      this.#received += await this.#receive(buffer.subarray(this.#received));
      for (;;) {
        const lf = buffer.subarray(0, this.#received).indexOf(LF, looked);
        if (lf < 0) break;
        looked = lf + 1;
        if (buffer[lf - 1] === CR && buffer[lf - 2] === LF && buffer[lf - 3] === CR) return looked;
      }
      looked = this.#received;
    }
    return 0;
  }

  async #receive(target: Uint8Array): Promise<number> {
    const count = await this.#connection.read(target);
    if (count !== null) return count;
    throw new Error("the connection was closed");
  }
}
