/**
 * The public side of a log, as the canary reads it: resources by path, tried again
 * while the other side cannot now, and the checkpoint by the policy.
 *
 * @module
 */

import { checkPolicy, type Policy, type PolicyVerdict } from "@indelible/core";
import { nativeEd25519 } from "@indelible/core/ed25519_native";
import { describe, sendRequest } from "./http_client.ts";
import { retryAfter, retrying, TryLater } from "./retry.ts";

/** The largest object: an entry bundle of 256 entries of 65,535 bytes. */
const MAX_OBJECT = 256 * (2 + 65_535);

/** A checkpoint that the policy accepts. */
export type Accepted = Extract<PolicyVerdict, { kind: "accepted" }>;

/** Reads a log's public side. */
export class PublicSide {
  /** Its URL. */
  readonly url: URL;
  readonly #policy: Policy;
  readonly #patience: number;

  /**
   * Makes a reader.
   *
   * @param url Where it is.
   * @param policy Whom to trust.
   * @param patience For how many milliseconds to try again.
   */
  constructor(url: URL, policy: Policy, patience: number) {
    this.url = url;
    this.#policy = policy;
    this.#patience = patience;
  }

  /**
   * Reads a resource.
   *
   * @returns Its bytes, or `null` when there is none.
   */
  get(path: string, signal: AbortSignal): Promise<Uint8Array | null> {
    const url = new URL(path, this.url);
    return retrying(async () => {
      const { status, headers, body } = await sendRequest(url, { maxBytes: MAX_OBJECT, signal });
      if (status === 200) return body;
      if (status === 404 || status === 410) return null;
      const message = `${describe(url)} answers ${status}`;
      throw status === 503 || status === 429
        ? new TryLater(message, retryAfter(headers))
        : new Error(message);
    }, { patience: this.#patience, signal });
  }

  /**
   * Reads the checkpoint.
   *
   * @returns The checkpoint and who cosigned it, or `null` when there is none.
   * @throws {Error} If the policy refuses it.
   */
  async checkpoint(signal: AbortSignal): Promise<Accepted | null> {
    const note = await this.get("checkpoint", signal);
    if (!note) return null;
    const verdict = checkPolicy(this.#policy, note, nativeEd25519);
    if (verdict.kind === "refused") throw new Error(verdict.why);
    return verdict;
  }

  /**
   * The status with which it answers a `POST`.
   *
   * @param path Where to.
   * @param type The content type.
   * @param body What is sent.
   */
  async post(
    path: string,
    type: string,
    body: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ): Promise<number> {
    const { status } = await sendRequest(new URL(path, this.url), {
      method: "POST",
      headers: { "content-type": type },
      body,
      maxBytes: MAX_OBJECT,
      signal,
    });
    return status;
  }
}
