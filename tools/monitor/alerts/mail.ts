/**
 * Alerts by e-mail: one plain text message an alert and recipient. The Message-ID is
 * made of the alert's id, so that a message that is sent again, after the process died
 * at the wrong moment, can be told by the mail server and its reader.
 *
 * @module
 */

import { encodeHex, sha256, utf8 } from "@indelible/core";
import { createTransport } from "nodemailer";
import { connect, type Socket } from "node:net";
import { isLoopback } from "../../http_client.ts";
import type { Channel, Delivery, Notice } from "./channel.ts";
import { subjectOf, textOf } from "./words.ts";

/** How long the mail server may be silent, in milliseconds. */
const SILENCE = 30_000;

// What every server takes, and nothing that a header or a command could be made of.
const ADDRESS =
  /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@([A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*)$/;

/** How to send mail. */
export interface MailOptions {
  /** The mail server, `smtp:` or `smtps:`. */
  readonly server: URL;
  /** The sender. */
  readonly from: string;
  /** The recipient. */
  readonly to: string;
  /** How to log in there. */
  readonly login?: { readonly user: string; readonly password: string };
}

/**
 * Parses an e-mail address, without a name.
 *
 * @throws {SyntaxError} If it is anything else.
 */
export function parseAddress(text: string): string {
  if (ADDRESS.test(text)) return text;
  throw new SyntaxError("it must be an e-mail address such as security@example.org");
}

/**
 * Parses the URL of a mail server.
 *
 * @throws {SyntaxError} If it is anything but a protocol, a host and a port.
 */
export function parseMailServer(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (
    url && /^smtps?:$/.test(url.protocol) && url.hostname !== "" && /^\/?$/.test(url.pathname) &&
    !url.username && !url.password && !url.search && !url.hash
  ) return url;
  throw new SyntaxError(
    "it must be the URL of a mail server: smtps://host:465, or smtp://host:587 for STARTTLS",
  );
}

/** The port of a mail server. */
export function mailPort({ protocol, port }: URL): number {
  return port !== "" ? Number(port) : protocol === "smtps:" ? 465 : 587;
}

/** Tells alerts by e-mail. */
export class Mail implements Channel {
  readonly name: string;
  readonly #options: MailOptions;
  /** Tells its Message-IDs from those to other recipients. */
  readonly #recipient: string;
  readonly #transport: ReturnType<typeof makeTransport>;

  /** How to send. */
  constructor(options: MailOptions) {
    this.#options = options;
    this.#recipient = encodeHex(sha256(utf8(options.to)).subarray(0, 4));
    this.#transport = makeTransport(options);
    this.name = `mail ${options.to}`;
  }

  /** Sends one. */
  async deliver(notice: Notice, { signal }: Delivery): Promise<void> {
    const { from, to } = this.#options;
    await this.#transport.sendMail({
      signal,
      from,
      to,
      subject: subjectOf(notice),
      text: textOf(notice),
      messageId: `<${notice.id}.${this.#recipient}@${domainOf(from)}>`,
      date: new Date(notice.time),
      headers: {
        "auto-submitted": "auto-generated",
        "x-indelible-alert": notice.id,
        "x-indelible-kind": notice.kind,
      },
    });
  }

  /** Ends connections. */
  close(): void {
    this.#transport.close();
  }
}

function makeTransport({ server, from, login }: MailOptions) {
  const host = server.hostname.replace(/^\[|\]$/g, "");
  const port = mailPort(server);
  const secure = server.protocol === "smtps:";
  return createTransport({
    host,
    port,
    secure,
    // On the way to another machine the connection is never plain.
    requireTLS: !secure && !isLoopback(server),
    // What the machine is called inside is nobody's business.
    name: domainOf(from),
    ...(login && { auth: { user: login.user, pass: login.password }, forceAuth: true }),
    connectionTimeout: SILENCE,
    greetingTimeout: SILENCE,
    socketTimeout: SILENCE,
    disableFileAccess: true,
    disableUrlAccess: true,
    // Connected by name: by address would need permission for every address of the server.
    getSocket(_options, callback) {
      const socket: Socket = connect({ host, port });
      socket.setTimeout(SILENCE, () => socket.destroy(new Error("it does not answer")));
      const failed = (error: Error): void =>
        callback(new Error(`Cannot reach ${server.href}: ${error.message}`), false);
      socket.once("error", failed);
      socket.once("connect", () => {
        socket.removeListener("error", failed);
        socket.setTimeout(0);
        callback(null, { connection: socket });
      });
    },
  });
}

function domainOf(address: string): string {
  return ADDRESS.exec(address)![1]!;
}
