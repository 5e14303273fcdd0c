/**
 * Debian's Chromium, driven for the page's tests: one browser for all of them, each
 * story in a profile of its own, and whatever a page complains of or asks elsewhere
 * is kept to be judged.
 */

import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import assert from "node:assert/strict";
import { requirePeer } from "./peers/peers.ts";

/** Opens the browser, or tells why not and returns `null`. */
export async function openBrowser(): Promise<Browser | null> {
  const executablePath = await requirePeer("chromium");
  if (executablePath === null) return null;
  // Tests run as root in containers, where Chromium has no sandbox of its own.
  return await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
}

/** How a reader's browser is set. */
export type ReaderOptions = Parameters<Browser["newContext"]>[0];

/** A reader: a browser profile with one page, watched. */
export class Reader implements AsyncDisposable {
  /** The profile; it keeps what the page remembers. */
  readonly context: BrowserContext;
  /** The page. */
  readonly page: Page;
  /** Errors in the console, and those that no script caught. */
  readonly complaints: string[] = [];
  /** Every request, by URL. */
  readonly requests: string[] = [];

  private constructor(context: BrowserContext, page: Page) {
    this.context = context;
    this.page = page;
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") {
        this.complaints.push(`${message.text()} (${message.location().url})`);
      }
    });
    page.on("pageerror", (error) => this.complaints.push(`uncaught: ${error.message}`));
    page.on("dialog", (dialog) => {
      this.complaints.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    context.on("request", (request) => this.requests.push(request.url()));
  }

  /** Starts a browser profile. */
  static async start(browser: Browser, options: ReaderOptions = {}): Promise<Reader> {
    const context = await browser.newContext(options);
    context.setDefaultTimeout(15_000);
    return new Reader(context, await context.newPage());
  }

  /** The text of an element, once it is there. */
  async text(selector: string): Promise<string> {
    return (await this.page.locator(selector).first().innerText()).replace(/\s+/g, " ").trim();
  }

  /** Waits until an element's text matches. */
  async sees(selector: string, pattern: RegExp): Promise<void> {
    const element = this.page.locator(selector).filter({ hasText: pattern }).first();
    await element.waitFor({ state: "visible" }).catch(async () => {
      const there = await this.page.locator(selector).allInnerTexts().catch(() => []);
      assert.fail(
        `no ${selector} with ${pattern}; there is ${JSON.stringify(there).slice(0, 2000)}`,
      );
    });
  }

  /** Nothing was complained of, and nothing but the log was asked. */
  assertQuiet(origin: string): void {
    assert.deepEqual(this.complaints, []);
    const elsewhere = this.requests.filter((url) =>
      !url.startsWith(`${origin}/`) && !/^(?:blob|data):/.test(url)
    );
    assert.deepEqual(elsewhere, []);
  }

  /** Closes the profile. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.context.close();
  }
}
