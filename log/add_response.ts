/**
 * The answer to an add: the table from outcome to status, and the receipt.
 *
 * @module
 */

import { formatChecksum, parseEntry, utf8 } from "@indelible/core";
import { ByteWriter } from "./byte_writer.ts";
import type { Outcome, Proof, Receipt } from "./pool.ts";
import type { Published } from "./publish.ts";
import { failure, json, unavailable } from "./respond.ts";

/** Receipts are put together here, one at a time. */
const receipts = new ByteWriter(4096);
const INDEX = utf8('{"index":');
const CHECKPOINT = utf8(',"checkpoint":"');
const PROOF = utf8('","inclusionProof":');
const ENTRY = utf8(',"entry":"');
const END = utf8('"}\n');

/** Answers an add. */
export function addResponse(outcome: Outcome): Response | Promise<Response> {
  switch (outcome.kind) {
    case "logged":
      return withProof(outcome.receipt, (proof) => {
        receipts.clear();
        receipts.bytes(INDEX);
        receipts.decimal(outcome.receipt.index);
        return proven(outcome.receipt, proof, 200);
      });
    case "conflict": {
      const { existing, digest } = outcome;
      const { index } = existing;
      const checksum = formatChecksum(digest);
      const error = `this file is logged with another digest: ${checksum} at index ${index}`;
      return withProof(existing, (proof) => {
        const { file } = parseEntry(proof.bytes);
        receipts.clear();
        receipts.json({ error, filename: file, index, checksum });
        receipts.back(1); // The brace that closes it.
        return proven(existing, proof, 409);
      });
    }
    case "not-published-yet": {
      const error = "this file is not logged: publish it before any other event";
      return failure(409, error, { field: "event", filename: outcome.file });
    }
    case "unavailable":
      return unavailable(outcome.why, outcome.index);
  }
}

/** Most proofs are in memory: they are not waited for. */
function withProof(
  receipt: Receipt,
  respond: (proof: Proof) => Response,
): Response | Promise<Response> {
  const proof = receipt.prove();
  return proof instanceof Promise ? proof.then(respond) : respond(proof);
}

/** The answer so far, and the JSON members that prove an entry; base64 needs no escaping. */
function proven({ published }: Receipt, proof: Proof, status: number): Response {
  receipts.bytes(CHECKPOINT);
  receipts.bytes(base64Of(published));
  receipts.bytes(PROOF);
  proof.writeInclusion(receipts);
  receipts.bytes(ENTRY);
  receipts.base64(proof.bytes);
  receipts.bytes(END);
  return json(receipts.written, status);
}

let encoded: { readonly published: Published; readonly base64: Uint8Array } | undefined;

/** The checkpoint as receipts carry it: the same in thousands of them. */
function base64Of(published: Published): Uint8Array {
  if (encoded?.published !== published) encoded = { published, base64: utf8(published.base64) };
  return encoded.base64;
}
