/** The page with a log that lies: what it must call wrong, and what it cannot vouch for. */

import {
  checkEvidence,
  encodeEvidence,
  parseEvidence,
  parseNote,
  parsePolicy,
  parseUtf8,
  utf8,
} from "@indelible/core";
import type { Browser } from "playwright-core";
import assert from "node:assert/strict";
import { join } from "node:path";
import { type Lie, LyingLog } from "./lying_log.ts";
import { Reader } from "./page_browser.ts";
import type { PageLog } from "./page_fixture.ts";
import { add, bulkAppend, madeUpFile, startLog } from "./running_log.ts";

/** A place to look at, and what must stand there. */
interface Expected {
  readonly hash?: string;
  readonly selector: string;
  readonly text: RegExp;
}

/** Lies about one part of what is served, to a browser on its first visit. */
const LIES: readonly { name: string; lie: Lie; expected: readonly Expected[] }[] = [
  {
    name: "an altered entry",
    lie: (path, truth) => truth && /^\/tile\/entries\/001/.test(path) ? flipped(truth, 90) : truth,
    expected: [
      { selector: "#newest li.wrong", text: /Wrong.*is not the one under the root hash/s },
      {
        hash: "#/entry/301",
        selector: "#view .verdict-line .mark.wrong",
        text: /Wrong/,
      },
    ],
  },
  {
    name: "an altered partial tile",
    lie: (path, truth) => truth && path.startsWith("/tile/0/001.p/") ? flipped(truth, 40) : truth,
    expected: [{
      hash: "#/entry/301",
      selector: "#view .verdict-line",
      text: /Wrong.*the partial tiles .* give the root hash/,
    }],
  },
  {
    name: "a wrong proof: an altered full tile",
    lie: (path, truth) => truth && path === "/tile/0/000" ? flipped(truth, 40) : truth,
    expected: [
      {
        hash: "#/entry/5",
        selector: "#view .verdict-line",
        text: /Wrong.*tile\/0\/000 does not lead to the root hash/,
      },
      { hash: "#/search/filename/made-up-1.5.tar.gz", selector: "#view li.wrong", text: /Wrong/ },
    ],
  },
  {
    name: "a tile that is not served",
    lie: (path, truth) => path === "/tile/0/000" ? null : truth,
    expected: [{
      hash: "#/entry/5",
      selector: "#view .verdict-line",
      text: /Wrong.*does not serve tile\/0\/000/,
    }],
  },
  {
    name: "a signature that does not hold",
    lie: (path, truth) => truth && path === "/checkpoint" ? otherRoot(truth) : truth,
    expected: [
      { selector: "#answer .banner.wrong", text: /Wrong.*Rely on nothing/s },
      { selector: "#answer .check-why", text: /does not verify/ },
      { hash: "#/entry/5", selector: "#view .verdict-line", text: /Wrong/ },
    ],
  },
  {
    name: "cosignatures left out",
    lie: (path, truth) => truth && path === "/checkpoint" ? logLineOnly(truth) : truth,
    expected: [
      { selector: "#answer .banner.unverifiable", text: /Unverifiable/ },
      { selector: "#answer .check-why", text: /asks for more witnesses.*none did/ },
      { selector: "#newest li.unverifiable", text: /that head cannot be verified/ },
    ],
  },
  {
    name: "refusals that name another entry, with script in them",
    lie: (path, truth) => path.startsWith("/refusals") ? utf8(REFUSALS) : truth,
    expected: [
      { selector: "#refusals li.wrong", text: /<img src=x onerror=alert\(1\)>.*Wrong/s },
      { selector: "#answer .banner.verified", text: /Verified/ },
    ],
  },
  {
    name: "a search that points elsewhere",
    lie: (path, truth) =>
      path.startsWith("/search") ? utf8('{"size":302,"indexedTo":302,"indices":[7,3]}') : truth,
    expected: [{
      hash: "#/search/project/example",
      selector: "#view .verdict-line",
      text: /Unverifiable.*finds nothing/,
    }],
  },
  {
    name: "evidence that was changed",
    lie: (path, truth) => {
      if (path === "/evidence") return utf8('[{"name":"made-up.json","summary":"<b>it</b>"}]');
      return path.startsWith("/evidence/") ? utf8(ALTERED_EVIDENCE) : truth;
    },
    expected: [{ selector: "#evidence li.wrong", text: /<b>it<\/b>.*Wrong.*changed since/s }],
  },
  {
    name: "an answer that never comes",
    lie: (path, truth) => path === "/checkpoint" ? null : truth,
    expected: [{
      selector: "#answer .banner.unverifiable",
      text: /Unverifiable.*not published a checkpoint/s,
    }],
  },
  {
    name: "a policy that is none",
    lie: (path, truth) => path === "/status" ? utf8('{"policy":"quorum","witnesses":7}') : truth,
    expected: [{ selector: "#answer .banner.wrong", text: /Cannot parse policy/ }],
  },
];

const REFUSALS = JSON.stringify([{
  time: "2026-01-01T00:00:00Z",
  filename: "<img src=x onerror=alert(1)>",
  checksum: "sha256:0",
  existing: { index: 3, checksum: "sha256:0" },
}]);
const ALTERED_EVIDENCE = parseUtf8(encodeEvidence({
  kind: "log-stalled",
  origin: "log.test/page",
  time: "2026-01-01T00:00:00Z",
  summary: "it stands",
  policy: "quorum none\n",
  checkpoint: "none",
})).replace("it stands", "it flies!");

/** Tells each lie to a browser of its own. */
export async function callsLiesWrong(browser: Browser, { log }: PageLog): Promise<void> {
  await using liar = new LyingLog(log.url);
  for (const { name, lie, expected } of LIES) {
    liar.lie = lie;
    await using reader = await Reader.start(browser);
    for (const { hash = "#/", selector, text } of expected) {
      await reader.page.goto(`${liar.url}/${hash}`);
      await reader.sees(selector, text).catch((error) => assert.fail(`${name}: ${error.message}`));
    }
    // The browser itself reports answers of 404; nothing else may be complained of.
    const own = reader.complaints.filter((text) => !text.startsWith("Failed to load resource"));
    assert.deepEqual(own, [], name);
  }
}

/** Two histories under one key: this browser has seen the first. */
export async function catchesAFork(
  browser: Browser,
  { log, folder, policy }: PageLog,
): Promise<void> {
  const operator = join(folder, "forked");
  await Deno.mkdir(operator);
  for (const name of ["private.key", "public.key"]) {
    await Deno.copyFile(join(folder, name), join(operator, name));
  }
  await using forked = await startLog({ folder: operator });
  await bulkAppend(forked.url, Array.from({ length: 400 }, (_, i) => madeUpFile(i, "forked")));

  await using liar = new LyingLog(log.url);
  // The witness of the first history; the forked log itself would state its own policy.
  liar.lie = (path, truth) => path === "/status" ? utf8(JSON.stringify({ policy })) : truth;
  await using reader = await Reader.start(browser, { acceptDownloads: true });
  const { page } = reader;
  await page.goto(liar.url);
  await showsAll(reader);
  liar.behind = forked.url;
  liar.announce();
  await reader.sees("#answer .banner.wrong", /Wrong.*Rely on nothing/s);
  await reader.sees(
    "#answer .check-why",
    /two histories: the \d+ entries that this browser has seen/,
  );
  await reader.sees("#newest li.wrong .why", /that head is wrong/);
  await reader.sees("#state .wrong", /Head: Wrong/);

  // The evidence is worth something without the page, and without the log.
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Save the evidence" }).click(),
  ]);
  const evidence = parseEvidence(await Deno.readFile(await download.path()));
  const verdict = await checkEvidence(evidence, parsePolicy(utf8(policy)));
  assert.equal(verdict.kind === "verified" && verdict.strength, "proof");
  assert.equal(evidence.kind, "fork");

  // The first history again does not make it undone, until the reader says so.
  liar.behind = log.url;
  liar.announce();
  await page.goto(`${liar.url}/#/entry/5`);
  await reader.sees("#view .verdict-line", /Wrong/);
  await page.goto(`${liar.url}/#/`);
  await page.getByRole("button", { name: "Check again" }).click();
  await reader.sees("#answer .banner.verified", /Verified/);
  assert.deepEqual(reader.complaints, []);
}

/** An older head than this browser has seen, signed and cosigned as it is. */
export async function catchesAStaleHead(browser: Browser, { log }: PageLog): Promise<void> {
  const old = new Map<string, Uint8Array<ArrayBuffer>>();
  const checkpoint = new Uint8Array(await (await fetch(`${log.url}/checkpoint`)).arrayBuffer());
  old.set("/checkpoint", checkpoint);
  await add(log.url, madeUpFile(2, "late"));
  await using liar = new LyingLog(log.url);
  await using reader = await Reader.start(browser);
  await reader.page.goto(liar.url);
  await showsAll(reader);
  liar.lie = (path, truth) => old.get(path) ?? truth;
  await reader.page.reload();
  await reader.sees("#answer .banner.wrong", /Wrong/);
  await reader.sees("#answer .check-why", /The log went back: .* may only grow/);
  assert.deepEqual(reader.complaints, []);
}

/** Another key, and another policy, than this browser trusts. */
export async function catchesAnotherKey(
  browser: Browser,
  { log, folder }: PageLog,
): Promise<void> {
  const operator = join(folder, "impostor");
  await Deno.mkdir(operator);
  await using impostor = await startLog({ folder: operator, origin: "log.test/page" });
  await add(impostor.url, madeUpFile(0));
  await using liar = new LyingLog(log.url);
  await using reader = await Reader.start(browser);
  await reader.page.goto(liar.url);
  await showsAll(reader);
  liar.behind = impostor.url;
  await reader.page.reload();
  await reader.sees("#answer .banner.wrong", /Wrong/);
  await reader.sees(
    "#answer .check-why",
    /No trusted key signed the checkpoint.*This browser trusts/,
  );
  await reader.sees("#trust .notice", /the log’s keys.*and .*changed/);
  assert.deepEqual(reader.complaints, []);
}

/** Waits until nothing is being asked any more: the lie to come is about what comes then. */
async function showsAll(reader: Reader): Promise<void> {
  await reader.sees("#answer .banner.verified", /Verified/);
  await reader.sees("#newest li", /Verified/);
  await reader.sees("#refusals li", /example/);
  await reader.sees("#evidence li", /a new file of example/);
}

function flipped(bytes: Uint8Array<ArrayBuffer>, at: number): Uint8Array<ArrayBuffer> {
  const changed = bytes.slice();
  changed[at]! ^= 1;
  return changed;
}

function otherRoot(note: Uint8Array): Uint8Array<ArrayBuffer> {
  const lines = parseUtf8(note).split("\n");
  lines[2] = new Uint8Array(32).toBase64();
  return utf8(lines.join("\n"));
}

function logLineOnly(note: Uint8Array): Uint8Array<ArrayBuffer> {
  const { text } = parseNote(note);
  const line = parseUtf8(note).slice(text.length + 1).split("\n")[0]!;
  return utf8(`${text}\n${line}\n`);
}
