/**
 * The trusted root: whose certificates, logs and timestamps verify an
 * attestation. The default is Sigstore's production root as it was committed
 * here (`trusted_root.json`; where it is from stands in `docs/decisions.md`). It
 * ages safely: what is signed under keys that it does not know is refused, and a
 * newer one is a file to name with `--trusted-root`.
 *
 * @module
 */

import { encodeHex, type Json, parseJson, sha256, utf8 } from "@indelible/core";
import { TrustedRoot as TrustedRootMessage } from "@sigstore/protobuf-specs";
import { toTrustMaterial, type TrustMaterial } from "@sigstore/verify";
import { readSmallFile } from "../files.ts";
import { asObject } from "../json_members.ts";
import production from "./trusted_root.json" with { type: "json" };

/** A trusted root, ready to verify with. */
export interface TrustedRoot {
  /** Its keys. */
  readonly material: TrustMaterial;
  /** Tells it from other roots: what was verified under one says nothing of another. */
  readonly id: string;
}

/**
 * Loads a trusted root.
 *
 * @param path A `trusted_root.json` of Sigstore; the committed one when `undefined`.
 * @throws {Error} If it cannot be read or used.
 */
export async function loadTrustedRoot(path?: string): Promise<TrustedRoot> {
  if (path === undefined) return rootOf(production as unknown as Json);
  const bytes = await readSmallFile(path, "--trusted-root");
  try {
    return rootOf(parseJson(bytes));
  } catch (error) {
    throw new Error(`Cannot use --trusted-root ${path}: ${(error as Error).message}`);
  }
}

function rootOf(json: Json): TrustedRoot {
  const root = TrustedRootMessage.fromJSON(asObject(json, "a trusted root"));
  for (const name of ["certificateAuthorities", "tlogs", "ctlogs"] as const) {
    if (root[name].length === 0) throw new SyntaxError(`"${name}" must not be empty`);
  }
  const id = encodeHex(sha256(utf8(JSON.stringify(json))).subarray(0, 8));
  return { material: toTrustMaterial(root), id };
}
