/**
 * Notices that a file which is open was removed or replaced: the system goes on
 * with what has no name any more, and all that is written there is lost with the
 * process. A witness must not forget, so it ends instead.
 *
 * @module
 */

/** Milliseconds between two looks. */
const INTERVAL = 1_000;

/** Watches the files that a witness keeps its state in. */
export class FileWatch implements Disposable {
  /** Resolves to a sentence when one of them is no longer the file that it was. */
  readonly gone: Promise<string>;
  readonly #timer: ReturnType<typeof setInterval>;

  /**
   * Begins to watch.
   *
   * @param paths The files; each is there.
   */
  constructor(paths: readonly string[]) {
    const files = paths.map((path) => ({ path, id: idOf(path) }));
    const gone = Promise.withResolvers<string>();
    this.gone = gone.promise;
    this.#timer = setInterval(() => {
      for (const { path, id } of files) {
        if (idOf(path) === id) continue;
        gone.resolve(`${path} was removed or replaced while it was in use`);
        this[Symbol.dispose]();
      }
    }, INTERVAL);
  }

  /** Ends it. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** What tells a file from any other of its name; `null` when there is none. */
function idOf(path: string): string | null {
  try {
    const { dev, ino } = Deno.statSync(path);
    return `${dev} ${ino}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
