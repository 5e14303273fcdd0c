/**
 * Fetches a remote: its `repo.json` and `key.asc`, checked before anything of them is
 * kept. The owner's signature decides, not the connection; the key that signed first
 * stays the remote's key; and what was seen last is only replaced by what has all of it.
 *
 * @module
 */

import { excerpt } from "@indelible/core";
import type { PublicKey } from "openpgp";
import { join } from "node:path";
import { replaceFile } from "../files.ts";
import { describe, sendRequest } from "../http_client.ts";
import { fingerprintOf } from "./certificate.ts";
import { type Home, homePaths, writeKeyring } from "./home.ts";
import { Keyring, MAX_KEYS } from "./keyring.ts";
import { verifyAttestation } from "./openpgp_verify.ts";
import { judgeUpdate, MAX_REPOSITORY, parseRepository, type Repository } from "./repository.ts";

/** What is told on the way. */
export type FetchEvent =
  | { readonly kind: "got"; readonly url: URL }
  | { readonly kind: "imported"; readonly key: PublicKey };

/** What came of a fetch. */
export interface Fetched {
  /** The home as it is now. */
  readonly home: Home;
  /** Whether the remote had something new. */
  readonly isNew: boolean;
  /** How many attestations it has. */
  readonly attestations: number;
}

const SILENCE = 30_000;
const DEADLINE = 300_000;

/**
 * Fetches one remote. A key that is known gains what the remote has of it (such as its
 * revocation) even where its repository is refused.
 *
 * @param home The home, locked.
 * @param name The remote.
 * @param tell Hears what happens.
 * @throws {Error} If it cannot be had, or must not be accepted; then what was seen last stays.
 */
export async function fetchRemote(
  home: Home,
  name: string,
  tell: (event: FetchEvent) => void,
): Promise<Fetched> {
  const base = home.settings.remotes.get(name)!;
  const get = async (file: string, maxBytes: number): Promise<Uint8Array> => {
    const url = new URL(file, base);
    const options = { maxBytes, silence: SILENCE, deadline: DEADLINE };
    const { status, body } = await sendRequest(url, options);
    if (status !== 200) {
      throw new Error(`${describe(url)} answers with status ${status}, expected 200`);
    }
    tell({ kind: "got", url });
    return body;
  };
  const repo = await get("repo.json", MAX_REPOSITORY);
  const repository = parseRepository(repo);
  const served = await Keyring.parse(await get("key.asc", MAX_KEYS));
  const key = served.get(repository.signed.key);
  if (!key) {
    throw new Error(`key.asc does not hold ${repository.signed.key}, which signs repo.json`);
  }
  const fingerprint = fingerprintOf(key);
  const isKnown = home.keyring.fingerprints.includes(fingerprint);
  const keyring = await home.keyring.with(key);
  if (isKnown) home = keepKeyring(home, keyring);
  const verdict = await verifyAttestation(repository.signed, keyring, new Date());
  if (verdict.kind !== "good") throw new Error(`its signature is refused: ${verdict.why}`);
  const next = { repository, created: verdict.created };
  const isNew = isUpdate(home, name, next);
  const known = keyring.get(fingerprint)!;
  if (isNew) {
    const folder = homePaths(home.folder).remote(name);
    Deno.mkdirSync(folder, { recursive: true });
    replaceFile(join(folder, "key.asc"), new TextEncoder().encode(known.armor()));
    home = keepKeyring(home, keyring);
    replaceFile(join(folder, "repo.json"), repo); // From here on it is what was seen last.
    home = { ...home, remotes: new Map([...home.remotes, [name, next]]) };
  }
  if (!isKnown) tell({ kind: "imported", key: known });
  const lists = [...repository.attestations.values()];
  return { home, isNew, attestations: lists.flat().length };
}

function isUpdate(
  { remotes }: Home,
  name: string,
  next: { readonly repository: Repository; readonly created: Date },
): boolean {
  const last = remotes.get(name);
  if (!last) return true;
  if ("unusable" in last) {
    throw new Error(`what was seen last of it cannot be compared with: ${last.unusable}`);
  }
  const update = judgeUpdate(last, next);
  if (update.kind === "refuse") {
    throw new Error(`${excerpt(update.why, 300)}; what was seen last is kept`);
  }
  return update.kind === "accept";
}

function keepKeyring(home: Home, keyring: Keyring): Home {
  const [before, after] = [home.keyring.bytes(), keyring.bytes()];
  if (before.toHex() === after.toHex()) return home;
  if (after.length > MAX_KEYS) {
    throw new Error(`the keyring would be over ${MAX_KEYS >> 20} MiB`);
  }
  writeKeyring(home.folder, keyring);
  return { ...home, keyring };
}
