/** The offline page: proofs and evidence, with no network at all. */

import type { Browser } from "playwright-core";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Reader } from "./page_browser.ts";
import { type PageLog, REAL_FILE } from "./page_fixture.ts";

const FROM_A_CLONE = new URL("../log/page/dist/verify.html", import.meta.url);

interface Parts {
  readonly proof: string;
  readonly policy: string;
}

/** Served by the log, then without a network; and opened from a clone of the project. */
export async function verifiesOffline(
  browser: Browser,
  { log, policy }: PageLog,
): Promise<void> {
  const proof = await (await fetch(`${log.url}/bundle/${REAL_FILE.name}`)).text();
  for (const url of [`${log.url}/page/verify.html`, FROM_A_CLONE.href]) {
    await using reader = await Reader.start(browser);
    await reader.page.goto(url);
    await reader.context.setOffline(true);
    await judges(reader, { proof, policy });
    const base = url.slice(0, url.lastIndexOf("/") + 1);
    const parts = ["verify.html", "page.css", "verify.js", "icon.svg"].map((name) => base + name);
    assert.deepEqual(new Set(reader.requests), new Set(parts), "the page alone, and nobody else");
    assert.equal(reader.requests.filter((asked) => asked === parts[2]).length, 1);
    // The browser asks for a page's icon when it likes, also after the network has gone.
    const own = reader.complaints.filter((text) => !text.includes("/icon.svg"));
    assert.deepEqual(own, [], url);
  }
}

async function judges(reader: Reader, { proof, policy }: Parts): Promise<void> {
  const bring = async (...files: readonly (readonly [name: string, content: string])[]) => {
    for (const [name, content] of files) {
      const file = { name, mimeType: "application/octet-stream", buffer: Buffer.from(content) };
      await reader.page.locator("#choose input").first().setInputFiles(file);
    }
  };
  const answer = "#result .banner";
  await bring(["a.tlog-proof", proof]);
  await reader.sees(`${answer}.unverifiable`, /Unverifiable/);
  await reader.sees("#result .check-why", /choose a policy/);
  await bring(["policy", policy]);
  await reader.sees(`${answer}.verified`, /Verified/);
  await bring([REAL_FILE.name, REAL_FILE.content]);
  await reader.sees("#result .check-why", /by name and digest/);
  await reader.sees(`${answer}.verified`, /Verified/);
  await reader.sees("#result .merkle", /root/);

  await bring([REAL_FILE.name, "what an attacker built"]);
  await reader.sees(`${answer}.wrong`, /Wrong/);
  await reader.sees("#result .check-why", /not the one that the entry states/);
  await bring([REAL_FILE.name, REAL_FILE.content]);
  await reader.sees(`${answer}.verified`, /Verified/);

  // A wrong proof, drawn as one that does not meet its root.
  const lines = proof.split("\n");
  lines[3] = new Uint8Array(32).toBase64();
  await bring(["b.tlog-proof", lines.join("\n")]);
  await reader.sees(`${answer}.wrong`, /Wrong/);
  await reader.sees("#result .check-why", /does not lead from its entry/);
  await reader.sees("#result .merkle .not-equal", /≠/);

  await bring(["c.tlog-proof", "c2sp.org/tlog-proof@v1\nnonsense\n\n"]);
  await reader.sees("#result .check-why", /Cannot parse tlog-proof/);
}
