/**
 * The two places that logged wheels come from: the registry, with a log that
 * vouches for them, or the folder where they were kept, offline.
 *
 * @module
 */

import { type FetchResource, formatChecksum, type Policy, type ProvenEntry } from "@indelible/core";
import { checkStatement } from "../statement.ts";
import { describeRelease } from "../lock/lock_file.ts";
import { proveFiles } from "../lock/prove.ts";
import { isOfRelease } from "../lock/release.ts";
import { type PackageIndex } from "../package_index.ts";
import { inParallel } from "../parallel.ts";
import type { FileHosts } from "../proxy/file_hosts.ts";
import { fetchPage } from "../proxy/upstream.ts";
import { retrying } from "../retry.ts";
import { type Accepted, type Head, type TrustedHead } from "../trusted_head.ts";
import type { LoggedWheel, NoWheel, WheelSource } from "./audit.ts";
import type { Distribution } from "./distribution.ts";
import { OtherBytes, type WheelStore } from "./wheel_store.ts";

/** How long to wait for a registry that cannot now, in milliseconds. */
const PATIENCE = 60_000;
/** How many projects are asked for at once. */
const PARALLEL = 8;

/** What asking a registry and a log takes. */
export interface OnlineParts {
  /** Where wheels are kept. */
  readonly store: WheelStore;
  /** The registry. */
  readonly index: PackageIndex;
  /** Where its files may be fetched from. */
  readonly hosts: FileHosts;
  /** The log. */
  readonly log: URL;
  /** Judges its checkpoints. */
  readonly trusted: TrustedHead;
  /** Reads its tiles. */
  readonly fetch: FetchResource;
  /** Ends the work. */
  readonly signal: AbortSignal;
}

/** Wheels of a registry that a log vouches for. */
export class OnlineWheels implements WheelSource {
  readonly #parts: OnlineParts;
  readonly #urls = new Map<string, URL>();
  #logged: ReadonlyMap<string, ProvenEntry & { readonly parsed: { readonly digest: Uint8Array } }> =
    new Map();
  #head: Head | null = null;

  /** @param parts What it works with. */
  constructor(parts: OnlineParts) {
    this.#parts = parts;
  }

  /** The checkpoint that everything is under; `null` before anything was listed. */
  get verdict(): Accepted | null {
    return this.#head?.verdict ?? null;
  }

  /** Asks the registry for each project's files, and the log for all of them. */
  async list(
    wanted: readonly Distribution[],
  ): Promise<ReadonlyMap<string, readonly string[]>> {
    const { index, log, trusted, fetch, signal } = this.#parts;
    const listed = await inParallel(wanted, PARALLEL, async ({ project, version }) => {
      const page = await retrying(() => fetchPage(index, project), { patience: PATIENCE, signal });
      const files = page.kind === "page" ? page.listing.files : [];
      const wheels = files.filter(({ filename }) =>
        filename.endsWith(".whl") && isOfRelease(filename, project, version)
      );
      for (const { filename, url } of wheels) this.#urls.set(filename, url);
      const names = wheels.map(({ filename }) => filename);
      return [describeRelease(project, version), names] as const;
    });
    const { head, proven } = await proveFiles(log, [...this.#urls.keys()], trusted, fetch, signal);
    this.#head = head;
    this.#logged = proven;
    return new Map(listed);
  }

  /** Fetches a logged wheel, unless it was fetched before. */
  async get(filename: string): Promise<LoggedWheel | NoWheel> {
    const logged = this.#logged.get(filename);
    const url = this.#urls.get(filename);
    if (!logged || !url || !this.#head) {
      return { kind: "unlogged", why: `is ${filename}, which the log does not have` };
    }
    const { store } = this.#parts;
    try {
      await store.fetch(filename, logged.parsed.digest, url, this.#parts);
    } catch (error) {
      if (!(error instanceof OtherBytes)) throw error;
      return { kind: "unproven", why: `is not compared: ${error.message}` };
    }
    await store.keepProof(filename, {
      extra: logged.entry,
      index: logged.index,
      proof: logged.proof,
      checkpoint: this.#head.note,
    });
    return { filename, path: store.path(filename) };
  }
}

/** Wheels that were kept, each with its proof. */
export class KeptWheels implements WheelSource {
  readonly #store: WheelStore;
  readonly #policy: Policy;

  /**
   * @param store Where wheels are kept.
   * @param policy Whom the user trusts.
   */
  constructor(store: WheelStore, policy: Policy) {
    this.#store = store;
    this.#policy = policy;
  }

  /** The kept wheels of each release. */
  async list(
    wanted: readonly Distribution[],
  ): Promise<ReadonlyMap<string, readonly string[]>> {
    const names = await this.#store.names();
    return new Map(wanted.map(({ project, version }) => [
      describeRelease(project, version),
      names.filter((name) => isOfRelease(name, project, version)),
    ]));
  }

  /** A kept wheel, if its proof holds for its bytes as they are now. */
  async get(filename: string): Promise<LoggedWheel | NoWheel> {
    const digest = await this.#store.digest(filename);
    const proof = await this.#store.proof(filename);
    if (!digest || !proof) {
      return { kind: "unproven", why: `is ${filename}, which is not kept with a proof` };
    }
    const statement = checkStatement(proof, { filename, digest }, this.#policy);
    if (statement.kind === "proven") return { filename, path: this.#store.path(filename) };
    const why = `is ${filename} (${formatChecksum(digest)} as it is kept): ${statement.why}`;
    return { kind: "unproven", why };
  }
}
