/**
 * What can go wrong in storage, named by its consequence. The sequencer and
 * start-up decide by these classes alone: {@linkcode NotStored} lets the loop
 * go on, every other error stops the process.
 *
 * An error of any other class means that the outcome is unknown: the write may
 * or may not have happened. The caller stops; the next start reads the truth.
 *
 * @module
 */

/** Why storage refused a write. */
export type NotStoredReason = "full" | "read-only" | "busy";

/** Storage refused and nothing was stored: safe to try again later. */
export class NotStored extends Error {
  /** Why: no space, not writable, or held by another process; too many open files. */
  readonly reason: NotStoredReason;

  /**
   * Makes the error.
   *
   * @param reason Why the write was refused.
   * @param message The act, then the state.
   * @param options The error underneath, as `cause`.
   */
  constructor(
    reason: NotStoredReason,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = "NotStored";
    this.reason = reason;
  }
}

/** The ledger's head is not the one the batch was built on: another writer. Fatal. */
export class HeadMoved extends Error {
  /**
   * Makes the error.
   *
   * @param message The act, then the state.
   */
  constructor(message: string) {
    super(message);
    this.name = "HeadMoved";
  }
}

/** An immutable object exists with other bytes. Fatal. */
export class ObjectDiffers extends Error {
  /** The object's path below the store's root. */
  readonly path: string;

  /**
   * Makes the error.
   *
   * @param path The object's path below the store's root.
   */
  constructor(path: string) {
    super(`Cannot write object ${path}: it exists with other bytes`);
    this.name = "ObjectDiffers";
    this.path = path;
  }
}

/** Stored data is damaged or unreadable. Fatal. */
export class Damaged extends Error {
  /** The file or object that is damaged. */
  readonly object: string;
  /** What is wrong with it. */
  readonly state: string;

  /**
   * Makes the error.
   *
   * @param object The file or object that is damaged.
   * @param state What is wrong with it.
   * @param options The error underneath, as `cause`.
   */
  constructor(object: string, state: string, options?: ErrorOptions) {
    super(`Cannot use ${object}: ${state}`, options);
    this.name = "Damaged";
    this.object = object;
    this.state = state;
  }
}

/**
 * Names a refusal by the operating system, if the error is one that leaves no
 * doubt: the call did nothing for lack of space or of the right to write.
 *
 * @param error What a file operation threw.
 * @param act The act that failed, for the message: `Cannot write object …`.
 * @returns The refusal, or null when the error says nothing certain.
 */
export function refusedBySystem(error: unknown, act: string): NotStored | null {
  const code = error instanceof Error && "code" in error ? error.code : null;
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return new NotStored("full", `${act}: no space left`, { cause: error });
    case "EROFS":
    case "EACCES":
    case "EPERM":
      return new NotStored("read-only", `${act}: not writable`, {
        cause: error,
      });
    default:
      return refusedToOpen(error, act);
  }
}

/**
 * Names the refusal to open one more file: too many are open, connections among
 * them. It passes when some are closed.
 *
 * @param error What a file operation threw.
 * @param act The act that failed, for the message.
 * @returns The refusal, or null when the error is another.
 */
export function refusedToOpen(error: unknown, act: string): NotStored | null {
  const code = error instanceof Error && "code" in error ? error.code : null;
  if (code !== "EMFILE" && code !== "ENFILE") return null;
  return new NotStored("busy", `${act}: too many files are open`, { cause: error });
}
