/**
 * Verified claims between runs: what attestations have proven of a project's
 * files, in a folder of the user beside the proven files. A file's bytes are
 * fixed by its digest, so what was verified of them once stays so, also when the
 * registry serves it no more. What did not verify is not kept. Another trusted
 * root finds none: its folder is another.
 *
 * @module
 */

import { type Json, type JsonObject, parseJson, utf8 } from "@indelible/core";
import { join } from "node:path";
import { asObject, text } from "../json_members.ts";
import type { Claims } from "./claims.ts";

/** A project's verified claims, by file name and digest. */
export type VerifiedClaims = Map<string, readonly Claims[]>;

/** The key of a file in {@linkcode VerifiedClaims}. */
export function keyOf({ filename, sha256 }: { filename: string; sha256: string }): string {
  return `${sha256} ${filename}`;
}

/** Keeps them in a folder. */
export class VerifiedFolder {
  readonly #folder: string;

  /**
   * @param cacheDir The user's cache; made when missing.
   * @param rootId Which trusted root they were verified under.
   */
  constructor(cacheDir: string, rootId: string) {
    this.#folder = join(cacheDir, "provenance", rootId);
  }

  /** The claims of a project; none when they were never kept or cannot be read. */
  async load(project: string): Promise<VerifiedClaims> {
    try {
      const kept = asObject(parseJson(await Deno.readFile(this.#path(project))), "it");
      return new Map(Object.entries(kept).map(([key, value]) => [key, claimsOf(value)]));
    } catch (error) {
      const isNone = error instanceof Deno.errors.NotFound || error instanceof SyntaxError;
      if (isNone) return new Map();
      throw error;
    }
  }

  /** Keeps the claims of a project, all of them. Not synced: what is lost is verified anew. */
  async save(project: string, claims: VerifiedClaims): Promise<void> {
    await Deno.mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const temporary = this.#path(`${project}.${crypto.randomUUID()}`);
    const json = JSON.stringify(Object.fromEntries(claims));
    await Deno.writeFile(temporary, utf8(json), { createNew: true, mode: 0o600 });
    await Deno.rename(temporary, this.#path(project));
  }

  #path(project: string): string {
    return join(this.#folder, `${project}.json`);
  }
}

function claimsOf(json: Json): Claims[] {
  if (!Array.isArray(json)) throw new SyntaxError("claims must be a list");
  return json.map((item) => {
    const claims = asObject(item, "a claim");
    const kind = text(claims, "kind");
    if (kind !== "publish" && kind !== "build") throw new SyntaxError('"kind" is not one');
    return {
      kind,
      issuer: text(claims, "issuer"),
      subject: text(claims, "subject"),
      repository: optional(claims, "repository"),
      ref: optional(claims, "ref"),
      commit: optional(claims, "commit"),
      workflow: optional(claims, "workflow"),
      environment: optional(claims, "environment"),
      signed: text(claims, "signed"),
    };
  });
}

function optional(object: JsonObject, name: string): string | null {
  return object[name] === null ? null : text(object, name);
}
