/**
 * Where pip and uv keep their configuration, for the whole system and for a user.
 *
 * @module
 */

import { userFolder } from "../defaults.ts";
import { type ConfigEditor, pipConfig, uvConfig } from "./client_config.ts";

/** A client's configuration file. */
export interface ClientFile {
  /** The client. */
  readonly client: "pip" | "uv";
  /** The file. */
  readonly path: string;
  /** How it is edited. */
  readonly editor: ConfigEditor;
}

/** Where uv looks for the system's configuration first; it then reads no other. */
export const XDG_UV_CONFIG = "/etc/xdg/uv/uv.toml";

/** Which files are meant. */
export type ClientFileFlags = {
  /** Whether those of this user. */
  readonly user: boolean;
  /** pip's file, when it is another. */
  readonly pipConfig?: string;
  /** uv's file, when it is another. */
  readonly uvConfig?: string;
};

/** The files that are to be edited. */
export function clientFiles({ user, pipConfig: pip, uvConfig: uv }: ClientFileFlags): ClientFile[] {
  const isMac = Deno.build.os === "darwin";
  const ofPip = pip ?? (user
    ? userFolder(
      isMac ? "Library/Application Support/pip/pip.conf" : ".config/pip/pip.conf",
      "--pip-config",
    )
    : isMac
    ? "/Library/Application Support/pip/pip.conf"
    : "/etc/pip.conf");
  const ofUv = uv ??
    (user
      ? userFolder(".config/uv/uv.toml", "--uv-config")
      : exists(XDG_UV_CONFIG)
      ? XDG_UV_CONFIG
      : "/etc/uv/uv.toml");
  return [
    { client: "pip", path: realPath(ofPip), editor: pipConfig },
    { client: "uv", path: realPath(ofUv), editor: uvConfig },
  ];
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The file itself, where the name is a link to it: it is the file that is to be replaced. */
function realPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path;
  }
}
