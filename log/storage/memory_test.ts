import type { Place } from "./conformance.ts";
import { ledgerConformance } from "./ledger_conformance.ts";
import { openMemoryLedger } from "./ledger_memory.ts";
import { objectsConformance } from "./objects_conformance.ts";
import { openMemoryObjects } from "./objects_memory.ts";

function inMemory<T>(open: () => T): () => Promise<Place<T>> {
  return () =>
    Promise.resolve({
      open: () => Promise.resolve(open()),
      keeps: false,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
}

ledgerConformance("memory", inMemory(openMemoryLedger));
objectsConformance("memory", inMemory(openMemoryObjects));
