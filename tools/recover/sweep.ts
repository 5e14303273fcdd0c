/**
 * One pass over the registry: first the pages, which tell at once what was
 * replaced, hidden or added in the lists, then the bytes, those looked at longest
 * ago first. Each answer is kept as it comes, so the pass can end anywhere.
 *
 * @module
 */

import { eachInParallel } from "../parallel.ts";
import { listedSha256 } from "../proxy/gate.ts";
import type { ListedFile } from "../simple/listing.ts";
import type { Pace } from "./budget.ts";
import type { Keeper } from "./evidence.ts";
import type { Listed } from "./findings.ts";
import type { Registry } from "./registry.ts";
import type { Due, DueFile, Scope } from "./listed_files.ts";
import type { RecoverState } from "./state.ts";

/** How many answers are waited for at once. */
const AT_ONCE = 4;

/** What a pass works with. */
export interface SweepParts {
  /** Where answers are kept. */
  readonly state: RecoverState;
  /** Who is asked. */
  readonly registry: Registry;
  /** How quickly. */
  readonly pace: Pace;
  /** About which projects. */
  readonly scope: Scope;
  /** What was looked at before is looked at again, in milliseconds since 1970. */
  readonly since: number;
  /** Whether files are fetched, and not only pages. */
  readonly withBytes: boolean;
  /** The tree size up to which the log is known. */
  readonly treeSize: number;
  /** Keeps bytes that are not as logged; `null` lets them go. */
  readonly keeper: Keeper | null;
  /** Ends the pass at once; what is under way is lost. */
  readonly signal: AbortSignal;
  /** Whether time is left to begin something. */
  readonly mayGoOn: () => boolean;
  /** Told how much of the pages or files is done. */
  readonly onProgress: (what: "pages" | "files", done: number, total: number) => void;
  /** Told of what is odd. */
  readonly onNote: (note: string) => void;
}

/**
 * Makes a pass.
 *
 * @returns Whether it is through.
 */
export async function sweep(parts: SweepParts): Promise<boolean> {
  const { state, scope, since, withBytes } = parts;
  const pages = state.listed.duePages(scope, since);
  const throughPages = await each("pages", pages, parts, (project) => readPage(project, parts));
  if (!withBytes) return throughPages;
  const files = state.listed.dueFiles(scope, since);
  const throughFiles = await each("files", files, parts, (file) => fetchFile(file, parts));
  return throughPages && throughFiles;
}

async function each<T>(
  what: "pages" | "files",
  items: Due<T>,
  { mayGoOn, onProgress, pace, signal }: SweepParts,
  act: (item: T) => Promise<void>,
): Promise<boolean> {
  let done = 0;
  await eachInParallel(items, AT_ONCE, async (item) => {
    if (!mayGoOn()) return false;
    await pace.turn(signal);
    await act(item);
    onProgress(what, ++done, items.total);
    return true;
  });
  return done === items.total;
}

async function readPage(project: string, parts: SweepParts): Promise<void> {
  const { state, registry, treeSize, signal, onNote } = parts;
  const page = { at: Date.now(), treeSize };
  try {
    const answer = await registry.page(project, signal);
    const there = answer.kind === "page";
    if (!there && state.logged.ofProject(project).size === 0) {
      onNote(`neither the log nor the registry knows the project ${project}`);
    }
    state.listed.setPage(project, page, there ? filesOf(answer.listing.files) : new Map());
  } catch (error) {
    signal.throwIfAborted();
    state.listed.setPageTrouble(project, page, (error as Error).message);
  }
}

/** The files of a page by name. Of one that is listed twice the last counts, and that it is. */
function filesOf(files: readonly ListedFile[]): Map<string, Listed> {
  const byName = new Map<string, Listed>();
  for (const file of files) {
    const { yanked } = file.members;
    byName.set(file.filename, {
      url: file.url.href,
      sha256: listedSha256(file),
      yanked: yanked === true || typeof yanked === "string",
      reason: typeof yanked === "string" && yanked !== "" ? yanked : null,
      times: (byName.get(file.filename)?.times ?? 0) + 1,
    });
  }
  return byName;
}

async function fetchFile(due: DueFile, parts: SweepParts): Promise<void> {
  const { state, registry, signal, keeper } = parts;
  const copy = keeper?.begin();
  try {
    const served = await registry.file(new URL(due.url), signal, copy?.sink);
    if (served.kind === "bytes" && served.sha256 !== due.logged) copy?.keep(served.sha256);
    state.listed.setServed(due, served);
  } finally {
    copy?.end();
  }
}
