/**
 * Alerts by webhook: a signed POST of JSON. Redirects are refused, and so are addresses
 * that are not of the public internet, also behind a name (faults C13, P4), unless the
 * user says that they are meant.
 *
 * A name is resolved before each request and may resolve otherwise a moment later. Then
 * still nothing is told to a machine inside: without the user's word only https is
 * allowed, and a machine that has no certificate of that name gets nothing.
 *
 * @module
 */

import { encodeHex, sha256, utf8 } from "@indelible/core";
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { describe, sendRequest, Unreachable } from "../../http_client.ts";
import { isPublicAddress, type Resolve } from "../../proxy/file_hosts.ts";
import type { Channel, Delivery, Notice } from "./channel.ts";
import { signWebhook, type WebhookSecret } from "./webhook_signature.ts";

/** How long an answer may take. */
const DEADLINE = 30_000;
/** An answer's body says nothing to us. */
const MAX_ANSWER = 1 << 16;

/** How to reach a webhook. */
export interface WebhookOptions {
  /** Where it is. */
  readonly url: URL;
  /** What signs it. */
  readonly secret: WebhookSecret;
  /** Whether it may be on this machine or a private network, and over http. */
  readonly allowPrivate: boolean;
  /** The time, milliseconds since 1970. */
  readonly now?: () => number;
  /** Resolves names. */
  readonly resolve?: Resolve;
}

/** Tells alerts by webhook. */
export class Webhook implements Channel {
  readonly name: string;
  readonly #options: Required<WebhookOptions>;

  /** How to reach it. */
  constructor(options: WebhookOptions) {
    this.#options = { now: Date.now, resolve: resolveName, ...options };
    // The URL itself may be a secret, and names are shown.
    const { url } = options;
    this.name = `webhook ${url.hostname} ${encodeHex(sha256(utf8(url.href)).subarray(0, 4))}`;
  }

  /** Sends one. */
  async deliver(notice: Notice, { signal }: Delivery): Promise<void> {
    const { url, secret, now } = this.#options;
    await this.#requireAllowed();
    const body = webhookBody(notice);
    const time = Math.floor(now() / 1000);
    const { status } = await sendRequest(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "user-agent": "indelible-monitor",
        "idempotency-key": notice.id,
        ...await signWebhook(secret, notice.id, time, body),
      },
      body: utf8(body),
      maxBytes: MAX_ANSWER,
      deadline: DEADLINE,
      signal,
    });
    if (status < 200 || status > 299) throw new Error(`${url.origin} answers ${status}`);
  }

  async #requireAllowed(): Promise<void> {
    const { url, allowPrivate, resolve } = this.#options;
    if (allowPrivate) return;
    requireHttps(url);
    const host = url.hostname.replace(/^\[|\]$/g, "");
    const addresses = isIP(host) === 0 ? await resolve(host) : [host];
    if (addresses.length === 0) throw new Unreachable(`${url.hostname} has no address`);
    const inside = addresses.find((address) => !isPublicAddress(address));
    if (inside === undefined) return;
    throw new Error(
      `${url.origin} is at ${inside}, which is not of the public internet: ` +
        "if that is meant, give --allow-private-webhooks",
    );
  }
}

/** What is sent: JSON with the kind, the time and the alert. */
export function webhookBody({ kind, time, ...data }: Notice): string {
  return JSON.stringify({ type: `alert.${kind}`, timestamp: time, data: { kind, ...data } });
}

/**
 * Refuses what is not https.
 *
 * @throws {Error} If it is not.
 */
export function requireHttps(url: URL): void {
  if (url.protocol === "https:") return;
  throw new Error(
    `${describe(url)} is not https: alerts go over http only with --allow-private-webhooks`,
  );
}

async function resolveName(name: string): Promise<readonly string[]> {
  try {
    return (await lookup(name, { all: true })).map(({ address }) => address);
  } catch (error) {
    throw new Unreachable(`Cannot resolve ${name}: ${(error as Error).message}`);
  }
}
