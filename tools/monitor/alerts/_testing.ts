/** What the tests of alerts share: alerts, quiet logs, and a real mail server. */

import { getLogger } from "@logtape/logtape";
import { SMTPServer } from "smtp-server";
import { type Alert, type AlertOf, makeAlert } from "./alert.ts";
import type { Notice } from "./channel.ts";

/** A log that nobody reads. */
export const QUIET = getLogger("alerts-test");

/** An alert, by a number that makes it another one. */
export function alert(n: number, of: Partial<AlertOf> = {}): Alert {
  return makeAlert({
    kind: "watched",
    origin: "log.test/alerts",
    now: 1_790_000_000_000 + n * 1_000,
    summary: `entry ${n} is watched`,
    identity: { index: `${n}` },
    ...of,
  });
}

/** It as a channel gets it. */
export function notice(n: number, of: Partial<AlertOf> = {}): Notice {
  const { evidence: _, ...rest } = alert(n, of);
  return rest;
}

/** What a delivery is given, when nothing else was raised. */
export function delivery(notices: readonly Notice[] = []) {
  return { signal: new AbortController().signal, recent: () => notices };
}

/** A text that would like to be a header, markup, or to turn and hide what follows. */
export const HOSTILE =
  'x\r\nBcc: all@evil.example\r\n\r\n<script>alert(1)</script>]]>&"\u202egnp\u0000\u0007';

/** An alert that is made of it. */
export const hostile = (n = 1): Notice => notice(n, { summary: HOSTILE, facts: { file: HOSTILE } });

/** The bytes of a webhook's secret. */
export const SECRET: Uint8Array<ArrayBuffer> = new Uint8Array(32).fill(7);

/** A server on this machine that answers each POST so. */
export function receiver(answer: (request: Request) => Response | Promise<Response>) {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, answer);
  return {
    url: new URL(`http://127.0.0.1:${server.addr.port}/hook?key=1`),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** A mail as it arrived. */
export interface Received {
  /** Who it is for, by the envelope. */
  readonly to: readonly string[];
  /** The whole message. */
  readonly message: string;
  /** Whether it came over TLS. */
  readonly secure: boolean;
}

/** How a mail server is set up. */
export interface MailServerOptions {
  /** Who may send. */
  readonly login?: { readonly user: string; readonly password: string };
  /** Its key and certificate, in PEM. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Whether it speaks TLS from the start. */
  readonly secure?: boolean;
}

/** A mail server on this machine. */
export class MailServer implements AsyncDisposable {
  /** What arrived. */
  readonly received: Received[] = [];
  /** Answers that refuse the next messages. */
  readonly refusals: string[] = [];
  readonly #server: SMTPServer;
  port = 0;

  private constructor(server: (mail: MailServer) => SMTPServer) {
    this.#server = server(this);
  }

  /** Starts one; with a login it takes mail from nobody else. */
  static async start({ login, tls, secure = false }: MailServerOptions = {}): Promise<MailServer> {
    const mail = new MailServer((mail) =>
      new SMTPServer({
        authOptional: !login,
        allowInsecureAuth: true,
        secure,
        ...tls ?? {},
        disabledCommands: tls ? [] : ["STARTTLS"],
        onAuth({ username, password }, _session, callback) {
          const right = username === login?.user && password === login?.password;
          callback(right ? null : new Error("wrong password"), right ? { user: username } : {});
        },
        onData(stream, session, callback) {
          new Response(ReadableStream.from(stream)).text().then((message) => {
            const refusal = mail.refusals.shift();
            if (refusal) return callback(new Error(refusal));
            const to = session.envelope.rcptTo.map(({ address }) => address);
            mail.received.push({ to, message, secure: session.secure });
            callback();
          });
        },
      })
    );
    // A client that does not trust its certificate is no failure of the test.
    mail.#server.on("error", () => {});
    await new Promise<void>((listening) => mail.#server.listen(0, "127.0.0.1", listening));
    mail.port = (mail.#server.server.address() as { port: number }).port;
    return mail;
  }

  /** Its URL. */
  get url(): URL {
    return new URL(`smtp://127.0.0.1:${this.port}`);
  }

  /** Stops it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((closed) => this.#server.close(() => closed()));
  }
}
