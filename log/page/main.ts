/**
 * The page at the log's `/`: checks the head, shows what is under it, and keeps both
 * up to date. Here are the wires; each part is a file of its own.
 *
 * @module
 */

import { encodeHex } from "@indelible/core";
import { byId, chooseFile, fill } from "./dom.ts";
import { acceptDrops } from "./drop.ts";
import { digestFile } from "./file_digest.ts";
import { formatBytes, formatEntries } from "./format.ts";
import { showHead } from "./head_view.ts";
import { followLog } from "./live.ts";
import { logClient } from "./log_client.ts";
import { Overview } from "./overview.ts";
import { browserStore, Memory } from "./remembered.ts";
import { fileHash } from "./route.ts";
import { Router } from "./router.ts";
import { parseQuery } from "./search_query.ts";
import { searchHash } from "./search_view.ts";
import { Session } from "./session.ts";
import { verdictWord } from "./verdict_mark.ts";
import { showWitnesses } from "./witnesses_view.ts";

const now = () => Math.floor(Date.now() / 1000);

const session = new Session(
  logClient(new URL("/", location.href).href, (url, options) => fetch(url, options)),
  new Memory(browserStore()),
  now,
);

byId("search").hidden = false;
showHead(session);
showWitnesses(session, now);
const overview = new Overview(session, now);
new Router(session);
announceHead();
takeSearches();
takeFiles();
void session.check();
setInterval(() => void session.check(), 60_000); // Cosignatures age, also when nothing happens.
followLog("/events", (news) => {
  if (news === "checkpoint") void session.check();
  if (news === "refusal") void overview.refusals();
  if (news === "evidence") void overview.evidence();
});

/** Tells screen readers of a new answer, and of growth when it has been quiet for a while. */
function announceHead(): void {
  let said = "";
  let saidAt = -Infinity;
  session.onChange((view) => {
    if (view.kind === "checking") return;
    const kind = view.kind === "judged" ? view.report.kind : view.verdict.kind;
    const head = view.kind === "judged" ? view.report.head : null;
    const answer = `The head of the log: ${verdictWord(kind)}.`;
    const text = head ? `${answer} ${formatEntries(head.checkpoint.size)}.` : answer;
    const changed = !said.startsWith(answer);
    if (text === said || (!changed && performance.now() - saidAt < 20_000)) return;
    said = text;
    saidAt = performance.now();
    fill(byId("announce"), text);
  });
}

function takeSearches(): void {
  const input = byId("query") as HTMLInputElement;
  byId("search-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const query = parseQuery(input.value);
    if (query) location.hash = searchHash(query);
    else input.focus();
  });
}

function takeFiles(): void {
  let current: AbortController | null = null;
  const take = async (file: File) => {
    current?.abort(); // The last file dropped is the one that is meant.
    const { signal } = current = new AbortController();
    const size = formatBytes(file.size);
    const progress = byId("hashing");
    try {
      const digest = await digestFile(file, (bytes) => {
        fill(progress, `Computing the digest: ${formatBytes(bytes)} of ${size}`);
      }, signal);
      fill(progress);
      location.hash = fileHash(file.name, encodeHex(digest));
    } catch (error) {
      if (!signal.aborted) fill(progress, `Cannot read the file: ${(error as Error).message}`);
    }
  };
  byId("choose").append(chooseFile("Check a file", (file) => void take(file)));
  acceptDrops(([file]) => file && void take(file));
}
