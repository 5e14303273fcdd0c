/**
 * The flags that say who published: `--publisher-issuer`, `--publisher-subject`.
 *
 * @module
 */

import type { Publisher } from "@indelible/core";
import { UsageError } from "@indelible/core/command";

/** The flags' values. */
export type PublisherFlags = {
  /** Who vouches for the subject. */
  readonly publisherIssuer?: string;
  /** The identity. */
  readonly publisherSubject?: string;
};

/** The flags, as a command takes them. */
export const PUBLISHER_FLAGS = {
  publisherIssuer: {
    kind: "parsed",
    parse: String,
    optional: true,
    brief: "Who vouches for the publisher, such as https://issuer.example",
  },
  publisherSubject: {
    kind: "parsed",
    parse: String,
    optional: true,
    brief: "Who the publisher is, as the issuer names it",
  },
} as const;

/**
 * The publisher that the flags name, if any.
 *
 * @throws {UsageError} If only one of the two is given.
 */
export function publisherOf(
  { publisherIssuer: issuer, publisherSubject: subject }: PublisherFlags,
): Publisher | undefined {
  if (issuer === undefined && subject === undefined) return undefined;
  if (issuer === undefined || subject === undefined) {
    throw new UsageError(
      "--publisher-issuer and --publisher-subject are given together or not at all",
    );
  }
  return { issuer, subject };
}
