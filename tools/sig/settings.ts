/**
 * Whom the user trusts and which remotes are followed: the file `config`, an
 * attestation by the user's own key, as the original keeps it. Members that are not
 * known here stay as they are.
 *
 * @module
 */

import { parseLogUrl } from "../http_client.ts";
import type { Attestation } from "./attestation.ts";
import { isObject, type PythonJson, type PythonObject } from "./python_json.ts";
import { REPOSITORY_VERSION } from "./repository.ts";

/** The user's settings; a value, each change makes a new one. */
export interface Settings {
  /** Full fingerprints of the trusted keys. */
  readonly trusted: ReadonlySet<string>;
  /** The remotes: a name, and a URL that ends in `/`. */
  readonly remotes: ReadonlyMap<string, URL>;
  /** How many trusted keys must say that a file is ok; at least 1. */
  readonly threshold: number;
  /** What is signed, with members that are not known here. */
  readonly data: PythonObject;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const FOLDER = "repo/";

/** The settings of a new home: the user's own key is trusted, as in the original. */
export function newSettings(fingerprint: string): Settings {
  return parseSettings({
    policy: { ok: 1, "not-ok": 0 },
    remotes: {},
    repo_dir: FOLDER,
    secret_keyring: null,
    trust: { [fingerprint]: true },
    version: REPOSITORY_VERSION,
  });
}

/** Reads the settings that an attestation holds, whose signature is checked elsewhere. */
export function settingsOf({ data }: Attestation): Settings {
  return parseSettings(data);
}

function parseSettings(data: PythonObject): Settings {
  const { trust = {}, remotes = {}, policy = {}, repo_dir: folder = FOLDER } = data;
  if (!isObject(trust)) throw malformed('"trust" must be an object');
  if (!isObject(remotes)) throw malformed('"remotes" must be an object');
  if (!isObject(policy)) throw malformed('"policy" must be an object');
  if (folder !== FOLDER) throw malformed(`"repo_dir" must be "${FOLDER}"`);
  const { ok: threshold = 1 } = policy;
  if (typeof threshold !== "number" || threshold < 1) {
    throw malformed('"policy" must say how many "ok" it takes, at least 1');
  }
  return {
    trusted: new Set(Object.keys(trust).filter((key) => trust[key] === true)),
    remotes: new Map(Object.entries(remotes).map(parseRemote)),
    threshold,
    data,
  };
}

function parseRemote([name, remote]: [string, PythonJson]): [string, URL] {
  const url = isObject(remote) ? remote["url"] : undefined;
  if (typeof url !== "string") throw malformed('a remote must have a "url"');
  try {
    return [parseRemoteName(name), parseRemoteUrl(url)];
  } catch (error) {
    throw malformed(`a remote cannot be used: ${(error as Error).message}`);
  }
}

/**
 * Parses the name of a remote, which is a folder's too.
 *
 * @throws {SyntaxError} If it could be anything but a folder of its own.
 */
export function parseRemoteName(name: string): string {
  if (NAME.test(name)) return name;
  throw new SyntaxError(
    "it must be letters, digits, '.', '_' or '-', and start with one of the first",
  );
}

/**
 * Parses the URL of a remote's folder.
 *
 * @throws {SyntaxError} If it is anything but http or https, without user and query.
 */
export function parseRemoteUrl(text: string): URL {
  return parseLogUrl(text);
}

/** Settings that trust one more key, or one less. */
export function withTrust(settings: Settings, fingerprint: string, isTrusted: boolean): Settings {
  const { [fingerprint]: _, ...others } = settings.data["trust"] as PythonObject;
  const trust = isTrusted ? { ...others, [fingerprint]: true } : others;
  return parseSettings({ ...settings.data, trust });
}

/** Settings with one more remote, or without one. */
export function withRemote(settings: Settings, name: string, url: URL | null): Settings {
  const { [name]: _, ...others } = settings.data["remotes"] as PythonObject;
  const remotes = url ? { ...others, [name]: { url: url.href } } : others;
  return parseSettings({ ...settings.data, remotes });
}

function malformed(why: string): SyntaxError {
  return new SyntaxError(`Cannot parse settings: ${why}`);
}
