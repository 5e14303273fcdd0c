/**
 * Who may write: the publishers file, matched against bearer tokens. It holds
 * digests; the tokens themselves are nowhere.
 *
 * @module
 */

import { parsePublishers, type TokenHolder, utf8 } from "@indelible/core";
import { hash, timingSafeEqual } from "node:crypto";

/** The publishers, by the digests of their tokens. */
export class Publishers {
  readonly #byDigest: readonly TokenHolder[];

  private constructor(byDigest: readonly TokenHolder[]) {
    this.#byDigest = byDigest;
  }

  /**
   * Parses a publishers file; lines that start with `#` are comments.
   *
   * @throws {SyntaxError} If a line is malformed or a name or digest stands twice.
   */
  static parse(file: Uint8Array): Publishers {
    return new Publishers(parsePublishers(file));
  }

  /** How many publishers there are. */
  get count(): number {
    return this.#byDigest.length;
  }

  /**
   * The publisher that a token belongs to, or `null`. Digests are compared, each
   * in constant time and always all of them: time tells nothing about a token.
   */
  ownerOf(token: string): string | null {
    const digest = hash("sha256", utf8(token), "buffer");
    let owner: string | null = null;
    for (const publisher of this.#byDigest) {
      if (timingSafeEqual(digest, publisher.digest)) owner = publisher.name;
    }
    return owner;
  }
}
