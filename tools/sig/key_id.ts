/**
 * How people name keys: by the full fingerprint, or by its last 16 or 8 digits, which
 * are for reading and typing only. Anyone can make a key whose last digits are those
 * of another (32 bits take minutes), so what is decided is decided by full
 * fingerprints, and a short name that fits two keys is refused.
 *
 * @module
 */

const KEY_ID = /^(?:0x)?((?:[0-9a-f]{8}){1,2}|[0-9a-f]{40})$/i;
const SHORT = 8;

/**
 * Parses a key ID or fingerprint as GnuPG shows it, with or without spaces and `0x`.
 *
 * @returns Its digits in capitals.
 * @throws {SyntaxError} If it is anything else.
 */
export function parseKeyId(text: string): string {
  const digits = KEY_ID.exec(text.replaceAll(" ", ""))?.[1];
  if (digits !== undefined) return digits.toUpperCase();
  throw new SyntaxError("it must be a full fingerprint, or its last 16 or 8 hexadecimal digits");
}

/**
 * The one of several fingerprints that a key ID names.
 *
 * @param id What {@linkcode parseKeyId} gave.
 * @param fingerprints Full fingerprints to choose from.
 * @param where Where they come from, for the message.
 * @throws {Error} If it names none of them, or more than one.
 */
export function chooseKey(id: string, fingerprints: Iterable<string>, where: string): string {
  const [found, ...others] = new Set([...fingerprints].filter((key) => key.endsWith(id)));
  if (found === undefined) throw new Error(`Cannot find key ${id} ${where}`);
  if (others.length === 0) return found;
  const all = [found, ...others].join(" and ");
  throw new Error(`Cannot tell which key ${id} names ${where}: ${all} end so; give one in full`);
}

/** A fingerprint for display: `[B32780D9]`. */
export function shortId(fingerprint: string): string {
  return `[${fingerprint.slice(-SHORT)}]`;
}
