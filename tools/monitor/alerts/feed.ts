/**
 * Alerts as an Atom feed (RFC 4287) in a file that any web server can serve: the latest
 * ones, newest first, written whole each time. It comes from the outbox, so an alert
 * stands in it once however often it is delivered.
 *
 * @module
 */

import { encodeHex, sha256, utf8 } from "@indelible/core";
import { replaceFile } from "../../files.ts";
import type { Channel, Delivery, Notice } from "./channel.ts";
import { subjectOf, textOf } from "./words.ts";

/** How many alerts the feed holds. */
const ENTRIES = 100;

/** Tells alerts by a feed. */
export class Feed implements Channel {
  readonly name: string;
  readonly #path: string;
  /** The alerts of the file as it was written last. */
  #written = new Set<string>();

  /** @param path The file. */
  constructor(path: string) {
    this.#path = path;
    this.name = `feed ${path}`;
  }

  /** Writes the feed anew, unless the alert stands in it. */
  deliver({ id }: Notice, { recent }: Delivery): Promise<void> {
    // Of many alerts at once the first delivery writes all.
    if (!this.#written.has(id)) {
      const notices = recent(ENTRIES);
      replaceFile(this.#path, utf8(atomFeed(this.#path, notices)), 0o644);
      this.#written = new Set(notices.map(({ id }) => id));
    }
    return Promise.resolve();
  }
}

/**
 * The text of a feed.
 *
 * @param name What the feed is told by: the same for ever.
 * @param notices The alerts, newest first.
 */
export function atomFeed(name: string, notices: readonly Notice[]): string {
  const updated = notices[0]?.time ?? "1970-01-01T00:00:00Z";
  return [
    '<?xml version="1.0" encoding="utf-8"?>',
    '<feed xmlns="http://www.w3.org/2005/Atom">',
    `  <id>${urn(encodeHex(sha256(utf8(`indelible feed\n${name}`))))}</id>`,
    "  <title>Indelible monitor: alerts</title>",
    `  <updated>${updated}</updated>`,
    "  <author><name>Indelible monitor</name></author>",
    ...notices.flatMap(entry),
    "</feed>\n",
  ].join("\n");
}

function entry(notice: Notice): string[] {
  return [
    "  <entry>",
    `    <id>${urn(notice.id)}</id>`,
    `    <title>${escaped(subjectOf(notice))}</title>`,
    `    <updated>${notice.time}</updated>`,
    `    <category term="${escaped(notice.kind)}"/>`,
    `    <content type="text">${escaped(textOf(notice))}</content>`,
    "  </entry>",
  ];
}

/** A name for what has a hash: a UUID of version 8 (RFC 9562 §5.8). */
function urn(hex: string): string {
  const variant = (parseInt(hex[16]!, 16) % 4 + 8).toString(16);
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    variant + hex.slice(17, 20),
    hex.slice(20, 32),
  ];
  return `urn:uuid:${parts.join("-")}`;
}

// What XML 1.0 has no way to write, and what a text would become markup by.
// deno-lint-ignore no-control-regex
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/gu;
const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(text: string): string {
  return text.replace(FORBIDDEN, "\ufffd").replace(/[&<>"']/g, (one) => ENTITIES[one]!);
}
