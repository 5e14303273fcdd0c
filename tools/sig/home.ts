/**
 * The user's home of Signet, `~/.signet`, laid out as the original lays it out:
 *
 * ```text
 * config                  settings, an attestation by the user's own key
 * keyring.gpg             every known public key
 * repo/repo.json          the user's repository; this folder is what gets published
 * repo/key.asc            the user's public key
 * remotes/NAME/repo.json  what was seen last of a remote
 * remotes/NAME/key.asc    its key
 * ```
 *
 * Files are replaced whole. Where several change, the one that says so comes last: a
 * run that dies leaves the old state, and at most a key too many in the keyring.
 *
 * @module
 */

import { excerpt } from "@indelible/core";
import { join } from "node:path";
import { MAX_SMALL_FILE, readSmallFile, replaceFile } from "../files.ts";
import {
  type Attestation,
  attestationJson,
  makeAttestation,
  parseAttestation,
} from "./attestation.ts";
import { exportKey, exportKeybox, signWith } from "./gpg.ts";
import { isKeybox, Keyring, MAX_KEYS } from "./keyring.ts";
import { verifyAttestation } from "./openpgp_verify.ts";
import { formatPythonJson, parsePythonJson, type PythonObject } from "./python_json.ts";
import {
  formatRepository,
  MAX_REPOSITORY,
  parseRepository,
  type Repository,
} from "./repository.ts";
import { type Settings, settingsOf } from "./settings.ts";

/** What is in a home, every signature of it checked. */
export interface Home {
  /** The folder. */
  readonly folder: string;
  /** Full fingerprint of the user's own key. */
  readonly owner: string;
  /** Whom to trust, which remotes to follow. */
  readonly settings: Settings;
  /** Known public keys, trusted or not. */
  readonly keyring: Keyring;
  /** The user's own repository. */
  readonly own: Repository;
  /** What was seen last of the remotes, by name; none of those not fetched yet. */
  readonly remotes: ReadonlyMap<string, Seen>;
}

/** What was seen last of a remote, or the sentence that says why it cannot be used. */
export type Seen =
  | { readonly repository: Repository; readonly created: Date }
  | { readonly unusable: string };

const PRIVATE = 0o600;
const PUBLIC = 0o644;

/** Where things are in a home. */
export function homePaths(folder: string) {
  return {
    config: join(folder, "config"),
    keyring: join(folder, "keyring.gpg"),
    repository: join(folder, "repo", "repo.json"),
    key: join(folder, "repo", "key.asc"),
    remote: (name: string) => join(folder, "remotes", name),
  };
}

/**
 * Reads a home.
 *
 * @param now The time to judge expiry by.
 * @throws {Error} If there is none, or something in it is not as its owner signed it.
 */
export async function readHome(folder: string, now: Date): Promise<Home> {
  const paths = homePaths(folder);
  const config = await readIfThere(paths.config, MAX_SMALL_FILE);
  if (!config) {
    throw new Error(`Cannot use ${folder}: it is not set up, run \`sig setup KEYID\` first`);
  }
  const keyring = await readKeyring(paths.keyring);
  const settings = await within(paths.config, async () => {
    const attestation = parseAttestation(parsePythonJson(config));
    await requireSigned(attestation, keyring, now);
    return { owner: attestation.key, ...settingsOf(attestation) };
  });
  const own = await within(paths.repository, async () => {
    const bytes = await readSmallFile(paths.repository, "repository", MAX_REPOSITORY);
    const repository = parseRepository(bytes);
    const { key } = repository.signed;
    if (key !== settings.owner) throw new Error(`it is signed by ${key}, not by ${settings.owner}`);
    await requireSigned(repository.signed, keyring, now);
    return repository;
  });
  const { owner, ...rest } = settings;
  const remotes = new Map<string, Seen>();
  for (const name of settings.remotes.keys()) {
    const seen = await readRemote(join(paths.remote(name), "repo.json"), keyring, now);
    if (seen) remotes.set(name, seen);
  }
  return { folder, owner, settings: rest, keyring, own, remotes };
}

async function readRemote(path: string, keyring: Keyring, now: Date): Promise<Seen | null> {
  try {
    const bytes = await readIfThere(path, MAX_REPOSITORY);
    if (!bytes) return null; // Not fetched yet.
    const repository = parseRepository(bytes);
    return { repository, created: await requireSigned(repository.signed, keyring, now) };
  } catch (error) {
    return { unusable: `${excerpt(path, 200)}: ${(error as Error).message}` };
  }
}

/** A home's own files may be older than its key's last day: that it signed them stays true. */
async function requireSigned(
  attestation: Attestation,
  keyring: Keyring,
  now: Date,
): Promise<Date> {
  const verdict = await verifyAttestation(attestation, keyring, now);
  if (verdict.kind === "good" || verdict.kind === "expired-key") return verdict.created;
  throw new Error(`its signature is refused: ${verdict.why}`);
}

async function readKeyring(path: string): Promise<Keyring> {
  const bytes = await readSmallFile(path, "keyring", MAX_KEYS);
  return await within(
    path,
    async () => await Keyring.parse(isKeybox(bytes) ? await exportKeybox(path) : bytes),
  );
}

/**
 * Locks a home against another run, as long as this process lives at most: the lock
 * is the operating system's, on the folder itself, and leaves nothing behind.
 *
 * @throws {Error} If another run has it.
 */
export function lockHome(folder: string): Disposable {
  let handle: Deno.FsFile;
  try {
    handle = Deno.openSync(folder, { read: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`Cannot use ${folder}: it is not set up, run \`sig setup KEYID\` first`);
  }
  if (handle.tryLockSync(true)) return { [Symbol.dispose]: () => handle.close() };
  handle.close();
  throw new Error(`Cannot lock ${folder}: another run of sig is changing it, try again later`);
}

/** Says as the owner, with the user's `gpg`; what it signed is verified before it is used. */
export async function signAsOwner(
  data: PythonObject,
  { owner, keyring }: Pick<Home, "owner" | "keyring">,
): Promise<Attestation> {
  const attestation = await makeAttestation(data, owner, signWith(owner));
  const verdict = await verifyAttestation(attestation, keyring, new Date());
  if (verdict.kind === "good") return attestation;
  throw new Error(`Cannot use what gpg signed with ${owner}: ${verdict.why}`);
}

/**
 * Brings the owner's own key up to date from the user's `gpg`, for instance when its
 * last day was moved: for those who sign, before they do.
 */
export async function refreshOwner(home: Home): Promise<Home> {
  const paths = homePaths(home.folder);
  const armored = await exportKey(home.owner);
  const key = (await Keyring.parse(armored)).get(home.owner);
  if (!key) throw new Error(`Cannot export key ${home.owner}: gpg gave another one`);
  const keyring = await home.keyring.with(key);
  if (keyring.bytes().toHex() === home.keyring.bytes().toHex()) return home;
  writeKeyring(home.folder, keyring);
  replaceFile(paths.key, armored, PUBLIC);
  return { ...home, keyring };
}

/** Signs and writes settings. */
export async function writeSettings(home: Home, settings: Settings): Promise<Home> {
  const signed = await signAsOwner(settings.data, home);
  const bytes = formatPythonJson(attestationJson(signed));
  replaceFile(homePaths(home.folder).config, bytes, PRIVATE);
  return { ...home, settings };
}

/** Signs and writes the user's own repository. */
export async function writeOwn(home: Home, data: PythonObject): Promise<Home> {
  const bytes = formatRepository(await signAsOwner(data, home));
  const own = parseRepository(bytes); // What cannot be read back is not written.
  if (bytes.length > MAX_REPOSITORY) {
    throw new Error(`Cannot write the repository: it would be over ${MAX_REPOSITORY >> 20} MiB`);
  }
  replaceFile(homePaths(home.folder).repository, bytes, PUBLIC);
  return { ...home, own };
}

/** Writes the keyring. */
export function writeKeyring(folder: string, keyring: Keyring): void {
  replaceFile(homePaths(folder).keyring, keyring.bytes(), PRIVATE);
}

async function readIfThere(path: string, limit: number): Promise<Uint8Array | null> {
  try {
    return await readSmallFile(path, "file", limit);
  } catch (error) {
    if ((error as Error).cause instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

async function within<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw new Error(`Cannot use ${excerpt(path, 200)}: ${(error as Error).message}`);
  }
}
