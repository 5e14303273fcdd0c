/**
 * Opens the search index of a log.
 *
 * @module
 */

import type { StoredLog } from "../stored_log.ts";
import { LocalSearch, type Search } from "./search.ts";
import { WorkerSearch } from "./worker_search.ts";

/** What opening needs. */
export interface OpenSearchParts {
  /** The log's origin. */
  readonly origin: string;
  /** The log's entries. */
  readonly stored: StoredLog;
  /** The data folder; `null` for a log in memory. */
  readonly folder: string | null;
  /** Told of what fails; the log goes on. */
  readonly onFault: (error: unknown) => void;
}

/** Opens the index. */
export function openSearch({ origin, stored, folder, onFault }: OpenSearchParts): Search {
  return folder === null ? new LocalSearch(stored) : new WorkerSearch({ folder, origin, onFault });
}
