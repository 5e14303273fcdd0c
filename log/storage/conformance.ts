/**
 * What the suites of the storage contracts share: `ledger_conformance.ts` and
 * `objects_conformance.ts`, each run against every driver. A suite says what the rest
 * of the log may rely on; a driver's own test file adds what only it can do wrong.
 *
 * @module
 */

/** A place where a store lives: opened, closed and opened again by a suite. */
export interface Place<T> extends AsyncDisposable {
  /** Opens the store in this place. */
  open(): Promise<T>;
  /** Whether what is stored outlives a close. */
  readonly keeps: boolean;
}

/** Registers a test of a suite: what the store does, and how it is seen. */
export type StoreTest<T> = (
  does: string,
  run: (store: T, place: Place<T>) => Promise<void>,
) => void;

/**
 * Makes the tests of a suite for one driver: each in a place of its own.
 *
 * @param name The driver and the contract.
 * @param makePlace Makes a fresh place with nothing in it.
 */
export function storeTests<T extends { close(): Promise<void> }>(
  name: string,
  makePlace: () => Promise<Place<T>>,
): StoreTest<T> {
  return (does, run) =>
    Deno.test(`${name} ${does}`, async () => {
      await using place = await makePlace();
      const store = await place.open();
      try {
        await run(store, place);
      } finally {
        await store.close();
      }
    });
}

/** The bytes of a text. */
export function text(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}
