/** The page with an honest log: what a person does with it, in a real browser. */

import { encodeEvidence, encodeHex, formatVkey, KeyType, parseTlogProof } from "@indelible/core";
import type { Browser } from "playwright-core";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { Reader } from "./page_browser.ts";
import {
  checksumOf,
  digestHex,
  FIRST_SIZE,
  HOSTILE_NAME,
  type PageLog,
  REAL_FILE,
} from "./page_fixture.ts";
import { runProgram } from "./programs.ts";
import { add, madeUpFile, newKey } from "./running_log.ts";

const NEWEST = "#newest li";

/** The head without any script: as text of the page itself. */
export async function showsHeadWithoutScript(browser: Browser, { log }: PageLog): Promise<void> {
  await using reader = await Reader.start(browser, { javaScriptEnabled: false });
  const response = (await reader.page.goto(log.url))!;
  const policy = response.headers()["content-security-policy"]!;
  assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/);
  assert.doesNotMatch(policy, /unsafe/);
  assert.equal(await reader.text("#origin"), "log.test/page");
  const [, size, root] = (await (await fetch(`${log.url}/checkpoint`)).text()).split("\n");
  assert.equal(await reader.text("#size"), size);
  assert.equal(await reader.text("#root"), root);
  await reader.sees("noscript, .notice", /what the log says of itself/);
  reader.assertQuiet(log.url);
}

/** Head, witnesses, growth, entries, refusals and evidence; then news without a reload. */
export async function showsOverview(
  browser: Browser,
  { log, policy, folder }: PageLog,
): Promise<void> {
  const forged = { filename: REAL_FILE.name, checksum: checksumOf("something else") };
  assert.equal((await add(log.url, forged)).status, 409);
  await Deno.writeFile(
    join(folder, "evidence", "watched-0.json"),
    await watchedEvidence(log.url, policy),
  );

  await using reader = await Reader.start(browser);
  await reader.page.goto(log.url);
  await reader.sees("#answer .banner.verified h2", /^Verified$/);
  assert.deepEqual(await checks(reader), [
    "Log’s signature: Verified",
    "Witnesses: Verified",
    "History: Verified",
    "Age: Verified",
  ]);
  await reader.sees("#size", new RegExp(`^${FIRST_SIZE}$`));
  await reader.sees("#witnesses li", /witness\.example\/ours.*Verified.*cosigned .* ago/s);
  await reader.sees(NEWEST, /301.*example-1\.0\.tar\.gz.*Verified/s);
  assert.equal(await reader.page.locator(`${NEWEST}.verified`).count(), 12);
  await reader.sees("#refusals li.unverifiable", /example-1\.0\.tar\.gz.*What stands is proven/s);
  await reader.sees("#growth-note", /Unverifiable .* 302 entries/);
  await reader.sees("#evidence li.unverifiable", /a new file of example/);

  // A new entry comes by itself, and is announced.
  const { filename } = madeUpFile(1, "late");
  assert.equal((await add(log.url, madeUpFile(1, "late"))).status, 200);
  await reader.sees(NEWEST, new RegExp(`302.*${filename.replaceAll(".", "\\.")}.*Verified`, "s"));
  await reader.sees("#size", /^303$/);
  assert.match(await reader.page.locator("#announce").textContent() ?? "", /Verified/);
  await reader.sees(".check-why", /unchanged, the 302 entries that this browser saw/);

  // The next visit remembers.
  await reader.page.reload();
  await reader.sees(".check-why", /It is the head that this browser saw last/);

  // What evidence proves, and what it does not.
  await reader.page.locator("#evidence a").first().click();
  await reader.sees("#view h2", /What it does not prove/);
  await reader.sees("#view .verdict-line", /Unverifiable.*the monitor says/);
  reader.assertQuiet(log.url);
}

async function checks(reader: Reader): Promise<string[]> {
  const rows = await reader.page.locator("#answer .checks li").all();
  return await Promise.all(rows.map(async (row) => {
    const title = await row.locator(".check-title").innerText();
    return `${title}: ${(await row.locator(".check-mark").innerText()).trim()}`;
  }));
}

/** Evidence as a monitor writes it, about the newest entry. */
async function watchedEvidence(url: string, policy: string): Promise<Uint8Array> {
  const entry = await (await fetch(`${url}/bundle/${REAL_FILE.name}`)).text();
  return encodeEvidence({
    kind: "watched",
    origin: "log.test/page",
    time: "2026-01-02T03:04:05Z",
    summary: "a new file of example",
    policy,
    entry,
  });
}

/** Search by what is typed, with the keyboard alone. */
export async function findsBySearch(browser: Browser, { log }: PageLog): Promise<void> {
  await using reader = await Reader.start(browser);
  const { page } = reader;
  await page.goto(log.url);
  await reader.sees("#answer", /Verified/);
  const search = async (text: string) => {
    await page.locator("#query").fill(text);
    await page.keyboard.press("Enter");
    await reader.sees("#view h1", /^Search: /);
  };
  await search("Made.Up"); // As PEP 503 compares names.
  await reader.sees("#view li.verified", /made-up-1\.299\.tar\.gz.*Verified/s);
  assert.equal(await page.locator("#view li.verified").count(), 50);
  assert.equal(await page.evaluate("document.activeElement.tagName"), "H1", "focus moved");
  assert.match(await page.title(), /^Search: made-up/);
  await page.getByRole("link", { name: "Older than entry" }).click();
  await reader.sees("#view li.verified", /made-up-1\.249\.tar\.gz/);

  await search(REAL_FILE.name);
  await reader.sees("#view li.verified", /301.*example-1\.0\.tar\.gz.*Verified/s);
  assert.equal(await page.locator("#view li").count(), 1);
  await search(checksumOf(REAL_FILE.content));
  await reader.sees("#view li.verified", /example-1\.0\.tar\.gz/);
  await search("nobody-knows-this");
  await reader.sees("#view .verdict-line", /Unverifiable.*cannot be proven/);

  // Back is back, and nonsense is nothing.
  await page.goBack();
  await reader.sees("#view li.verified", /example-1\.0\.tar\.gz/);
  await page.goto(`${log.url}/#/entry/007`);
  await reader.sees("#view h1", /^Nothing here$/);
  await page.goto(`${log.url}/#/entry/99999`);
  await reader.sees("#view .verdict-line", /Unverifiable.*There is no entry 99999/);
  reader.assertQuiet(log.url);
}

/** One entry: statement, path, signatures; what is saved passes the real `verify`. */
export async function provesAnEntry(
  browser: Browser,
  { log, folder, policy }: PageLog,
): Promise<void> {
  await using reader = await Reader.start(browser, { acceptDownloads: true });
  const { page } = reader;
  await page.goto(`${log.url}/#/entry/301`);
  await reader.sees("#view h1", /^example-1\.0\.tar\.gz$/);
  await reader.sees("#view .verdict-line", /Verified.*leads in \d steps? .*root hash/);
  await reader.sees("#view .facts", new RegExp(digestHex(REAL_FILE.content)));
  await reader.sees("#view .rows li.verified", /log\.test\/page.*The log, key/s);
  await reader.sees("#view .rows li.verified", /witness\.example\/ours.*A witness, key/s);

  const saved = async (name: string) => {
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name }).click(),
    ]);
    const path = join(folder, download.suggestedFilename());
    await download.saveAs(path);
    return await Deno.readFile(path);
  };
  await Deno.writeTextFile(join(folder, REAL_FILE.name), REAL_FILE.content);
  const proof = parseTlogProof(await saved("Save the proof"));
  assert.deepEqual(new TextDecoder().decode(await saved("Save the policy")), policy);

  // As many nodes as the proof has hashes, and as many on the path; the root among them.
  assert.equal(await page.locator(".merkle .sibling").count(), proof.proof.length);
  assert.equal(await page.locator(".merkle .root").count(), 1);
  const titles = await page.locator(".merkle .sibling title").allTextContents();
  assert.deepEqual(new Set(titles), new Set(proof.proof.map(encodeHex)));

  const command = await reader.text(".command code");
  const [, args] = /^npx -y deno@2\.9\.6 task verify (.*)$/.exec(command)!;
  const { code, stdout, stderr } = await runProgram("verify", args!.split(" "), { cwd: folder });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /verified/);
  reader.assertQuiet(log.url);
}

/** A file is hashed here and looked up; it is not sent. */
export async function checksAFile(browser: Browser, { log }: PageLog): Promise<void> {
  await using reader = await Reader.start(browser);
  const { page } = reader;
  await page.goto(log.url);
  await reader.sees("#answer", /Verified/);
  const choose = async (name: string, content: string) => {
    const file = { name, mimeType: "application/gzip", buffer: Buffer.from(content) };
    await page.locator("#choose input").setInputFiles(file);
  };
  await choose(REAL_FILE.name, REAL_FILE.content);
  await reader.sees("#view .verdict-line", /Verified.*everyone gets these bytes/);
  await choose(REAL_FILE.name, "what an attacker built");
  await reader.sees("#view .verdict-line", /Wrong.*not the file that was logged.*Do not install/);
  await choose("copy of it", REAL_FILE.content);
  await reader.sees("#view .verdict-line", /Verified.*under the name example-1\.0\.tar\.gz/);
  await choose("unknown", "unknown");
  await reader.sees("#view .verdict-line", /Unverifiable.*neither this name nor this digest/);

  // Dropped on the page, from wherever; larger than one chunk of a stream.
  const large = "x".repeat(3_000_000);
  await page.evaluate(`{
    const transfer = new DataTransfer();
    transfer.items.add(new File(["x".repeat(3_000_000)], "large.bin"));
    for (const type of ["dragover", "drop"]) {
      const event = { dataTransfer: transfer, bubbles: true, cancelable: true };
      document.body.dispatchEvent(new DragEvent(type, event));
    }
  }`);
  await reader.sees("#view .facts", new RegExp(digestHex(large)));
  assert.ok(reader.requests.every((url) => !url.includes("/add")), "nothing was sent");
  reader.assertQuiet(log.url);
}

/** A policy of the reader's own is what counts, until it is forgotten. */
export async function trustsAsTold(browser: Browser, { log, policy }: PageLog): Promise<void> {
  await using reader = await Reader.start(browser);
  const { page } = reader;
  await page.goto(log.url);
  await reader.sees("#answer", /Verified/);
  const trust = (text: string) =>
    page.locator("#trust input").setInputFiles({
      name: "policy",
      mimeType: "text/plain",
      buffer: Buffer.from(text),
    });
  await page.getByText("Whom this browser trusts").click();
  await trust("quorum of whom?");
  await reader.sees("#policy-error", /Cannot parse policy: line 1/);
  const other = formatVkey(newKey("witness.example/other", KeyType.ed25519Cosignature));
  await trust(
    policy.replace("quorum ours", `witness other ${other}\ngroup both all ours other\nquorum both`),
  );
  await reader.sees("#answer .check-why", /asks for more witnesses than cosigned it/);
  await reader.sees("#witnesses li", /witness\.example\/other.*Unverifiable.*no cosignature/s);
  await reader.sees(`${NEWEST}.unverifiable .why`, /that head cannot be verified/);
  await page.getByText("Whom this browser trusts").click();
  await page.getByRole("button", { name: "Forget what this browser remembers" }).click();
  await reader.sees("#answer .banner.verified", /Verified/);
  reader.assertQuiet(log.url);
}

/** Names that are script to a browser, or to a shell, are text. */
export async function showsHostileNames(browser: Browser, { log }: PageLog): Promise<void> {
  await using reader = await Reader.start(browser);
  await reader.page.goto(`${log.url}/#/entry/300`);
  await reader.sees("#view .verdict-line", /Verified/);
  assert.equal(await reader.text("#view h1"), HOSTILE_NAME);
  const command = await reader.text(".command code");
  const [, word] = /task verify (.*) --policy=policy$/.exec(command)!;
  const shell = new Deno.Command("sh", { args: ["-c", `printf %s ${word}`] });
  const { stdout } = await shell.output();
  assert.equal(new TextDecoder().decode(stdout), HOSTILE_NAME);
  await reader.page.goto(`${log.url}/#/search/filename/${encodeURIComponent(HOSTILE_NAME)}`);
  await reader.sees("#view li.verified", /300/);
  assert.equal(await reader.page.locator("#view svg script, #view iframe, #view img").count(), 0);
  reader.assertQuiet(log.url);
}

/** On a phone nothing is wider than the screen; landmarks and headings are in order. */
export async function fitsAPhone(browser: Browser, { log }: PageLog): Promise<void> {
  await using reader = await Reader.start(browser, { viewport: { width: 340, height: 700 } });
  const { page } = reader;
  for (const hash of ["#/", "#/entry/137", "#/entry/300", "#/search/project/made-up"]) {
    await page.goto(`${log.url}/${hash}`);
    await reader.sees(hash === "#/" ? "#newest li" : "#view .mark", /Verified/);
    const wide = await page.evaluate<string[]>(`[...document.querySelectorAll("body *")]
      .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
      .filter((element) => !element.closest("pre, .scroll, .visually-hidden, .skip"))
      .map((element) => element.outerHTML.slice(0, 80))`);
    assert.deepEqual(wide, [], hash);
    const outline = await page.evaluate<string[]>(
      `[...document.querySelectorAll("main, h1, h2, nav")]
      .filter((element) => element.checkVisibility()).map(({ localName }) => localName)`,
    );
    assert.deepEqual(outline.filter((name) => name === "h1").length, 1, hash);
    assert.deepEqual(outline.slice(0, 3), ["nav", "main", "h1"], hash);
    const unnamed = await page.evaluate<string[]>(
      `[...document.querySelectorAll("a, button, input")]
      .filter((element) => !(element.textContent || element.ariaLabel || element.labels?.length))
      .map((element) => element.outerHTML)`,
    );
    assert.deepEqual(unnamed, [], hash);
  }
  reader.assertQuiet(log.url);
}

/** What the reader holds open, or has the focus on, stays while the log grows. */
export async function keepsItsPlace(browser: Browser, { log }: PageLog): Promise<void> {
  await using reader = await Reader.start(browser);
  const { page } = reader;
  await page.goto(log.url);
  await reader.sees(NEWEST, /Verified/);
  await page.getByText("Whom this browser trusts").click();
  const link = page.locator(`${NEWEST} a`).first();
  const name = await link.innerText();
  await link.focus();
  const late = madeUpFile(3, "late");
  assert.equal((await add(log.url, late)).status, 200);
  await reader.sees(NEWEST, new RegExp(late.filename.replaceAll(".", "\\.")));
  assert.equal(await page.evaluate("document.activeElement.textContent"), name);
  assert.ok(await page.locator("#trust pre").isVisible(), "still open");
  reader.assertQuiet(log.url);
}
