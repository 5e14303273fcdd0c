/**
 * A shim for `@sigstore/verify`: it checks most signatures with `crypto.verify`
 * and no digest, which Node answers for a key on a curve with the default of its
 * OpenSSL, SHA-256. Deno throws there, and the library takes the throw for a
 * signature that does not verify. So the digest is said, for those keys and that
 * case alone; all other calls are passed on as they are.
 *
 * Imported for its effect, before anything is verified. That it is enough is held
 * by the tests on real attestations, none of which verifies without it.
 *
 * @module
 */

import crypto, { KeyObject } from "node:crypto";

const verify = crypto.verify;

// Only what goes through the module's default export, as the library does, gets here.
crypto.verify = ((algorithm: unknown, data: unknown, key: unknown, ...rest: unknown[]) => {
  const isCurve = key instanceof KeyObject && key.asymmetricKeyType === "ec";
  const digest = isCurve ? algorithm ?? "sha256" : algorithm;
  return (verify as (...args: unknown[]) => unknown)(digest, data, key, ...rest);
}) as typeof verify;
