import { deepEqual } from "node:assert/strict";
import { utf8 } from "./bytes.ts";
import { formatPolicy } from "./policy_format.ts";
import { parsePolicy } from "./policy.ts";
import { formatVkey, KeyType, signerKey } from "./key.ts";

const LOG = signerKey("log.example", KeyType.ed25519, new Uint8Array(32).fill(1));
const WITNESS = signerKey("w.example", KeyType.ed25519Cosignature, new Uint8Array(32).fill(2));

Deno.test("formatPolicy() writes a policy that says the same", () => {
  for (
    const quorum of ["none", "Zürich", "all-of-them", "some"]
  ) {
    const policy = parsePolicy(utf8(
      `log ${formatVkey(LOG)} https://log.example/\nwitness Zürich ${
        formatVkey(WITNESS)
      } https://w.example\n` +
        `group all-of-them all Zürich\ngroup some any all-of-them\nquorum ${quorum}\n`,
    ));
    deepEqual(parsePolicy(utf8(formatPolicy(policy))), policy);
  }
});
