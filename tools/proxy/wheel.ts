/**
 * The metadata inside a wheel (PEP 427): `METADATA` of its one `.dist-info` folder.
 *
 * @module
 */

import { unzipSync } from "fflate";

/** The largest metadata: a long description is some hundred KiB. */
const MAX_METADATA = 4 << 20;
const METADATA = /^[^/]+\.dist-info\/METADATA$/;

/**
 * Reads it.
 *
 * @param wheel The wheel.
 * @returns The metadata; `null` when there is none, or more than one that readers could
 * take for it.
 */
export function metadataOfWheel(wheel: Uint8Array): Uint8Array | null {
  const names: string[] = [];
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(wheel, {
      filter({ name, originalSize }) {
        if (!METADATA.test(name)) return false;
        names.push(name);
        return originalSize <= MAX_METADATA;
      },
    });
  } catch {
    return null;
  }
  return names.length === 1 ? files[names[0]!] ?? null : null;
}
