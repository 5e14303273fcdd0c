/**
 * Signatures of webhooks, as the Standard Webhooks specification has them, so that
 * whoever receives one finds a library that checks it: HMAC-SHA256, by a secret that
 * both sides know, over id, time and body.
 *
 * @module
 */

import { encodeBase64, parseBase64, parseUtf8, utf8 } from "@indelible/core";
import { readSmallFile } from "../../files.ts";

const PREFIX = "whsec_";
const MIN_SECRET = 24;
const MAX_SECRET = 64;

/** A secret that both sides know. */
export type WebhookSecret = CryptoKey;

/**
 * Reads a secret: one line, `whsec_` and the base64 of 24 to 64 bytes.
 *
 * @param path The file.
 * @param flag The flag that named it, for the message.
 * @throws {Error} If it holds anything else; the message does not repeat it.
 */
export async function readWebhookSecret(path: string, flag: string): Promise<WebhookSecret> {
  const text = parseUtf8(await readSmallFile(path, flag)).trim();
  const secret = text.startsWith(PREFIX) ? decoded(text.slice(PREFIX.length)) : null;
  if (!secret || secret.length < MIN_SECRET || secret.length > MAX_SECRET) {
    throw new Error(
      `Cannot use ${flag} ${path}: it must hold "${PREFIX}" and the base64 of ` +
        `${MIN_SECRET} to ${MAX_SECRET} random bytes, on one line`,
    );
  }
  return await webhookSecret(secret);
}

function decoded(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return parseBase64(text);
  } catch {
    return null;
  }
}

/** The secret of some random bytes. */
export async function webhookSecret(bytes: Uint8Array<ArrayBuffer>): Promise<WebhookSecret> {
  const hmac = { name: "HMAC", hash: "SHA-256" };
  return await crypto.subtle.importKey("raw", bytes, hmac, false, ["sign"]);
}

/**
 * The header fields that sign a webhook.
 *
 * @param secret The secret.
 * @param id What is told, the same when it is told again.
 * @param time When it is sent, POSIX seconds.
 * @param body The bytes that are sent.
 */
export async function signWebhook(
  secret: WebhookSecret,
  id: string,
  time: number,
  body: string,
): Promise<Record<string, string>> {
  const mac = await crypto.subtle.sign("HMAC", secret, utf8(`${id}.${time}.${body}`));
  return {
    "webhook-id": id,
    "webhook-timestamp": `${time}`,
    "webhook-signature": `v1,${encodeBase64(new Uint8Array(mac))}`,
  };
}
