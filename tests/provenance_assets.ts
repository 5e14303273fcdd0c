/**
 * Real attestations and the files that they are about (`testdata/provenance/`).
 */

import type { Attestation } from "../tools/provenance/attestation.ts";

/** An sdist that the real index serves, with a publish and a build attestation. */
export const SDIST = {
  filename: "pypi_attestations-0.0.19.tar.gz",
  sha256: "9bb1add04b1b4e182be6b0b80931593f7a291eb49d69b4fd728a5d4cbcdc4bd3",
} as const;

/** A wheel with a publish attestation; the file itself is here, too. */
export const WHEEL = {
  filename: "circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl",
  sha256: "8cb34da1e27336f11a2c43f3f9c7433bd76f24f470c904724f06ad7f131d9e9f",
} as const;

/** Reads one of the files. */
export function readAsset(name: string): Promise<Uint8Array<ArrayBuffer>> {
  return Deno.readFile(new URL(`testdata/provenance/${name}`, import.meta.url));
}

/** The SHA-256 that an attestation is about, in hex. */
export function attested({ statement }: Attestation): string {
  return JSON.parse(new TextDecoder().decode(statement)).subject[0].digest.sha256;
}
