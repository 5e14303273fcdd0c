/**
 * The page at the log's `/`, in Debian's Chromium, before the real log program and
 * before one that lies. One browser and one log for all of it; the stories are in
 * `page_flows.ts`, `page_lies.ts` and `page_offline.ts`. Screenshots of what a person
 * sees are kept in `ci-output/`.
 */

import type { Browser } from "playwright-core";
import { fileURLToPath } from "node:url";
import { openBrowser, Reader } from "./page_browser.ts";
import { type PageLog, startPageLog } from "./page_fixture.ts";
import * as flows from "./page_flows.ts";
import * as lies from "./page_lies.ts";
import { verifiesOffline } from "./page_offline.ts";
import { inFolder } from "./temporary.ts";

const SCREENSHOTS = fileURLToPath(new URL("../ci-output/page/", import.meta.url));

/** In order: the first find the log as it was started. */
const STORIES: Readonly<Record<string, (browser: Browser, log: PageLog) => Promise<void>>> = {
  "shows the head without any script": flows.showsHeadWithoutScript,
  "shows head, witnesses, growth, entries, refusals, evidence, live": flows.showsOverview,
  "keeps the place of the reader while it grows": flows.keepsItsPlace,
  "finds by project, file name and digest": flows.findsBySearch,
  "proves an entry, and what it saves passes verify": flows.provesAnEntry,
  "checks a file without sending it": flows.checksAFile,
  "trusts whom the reader trusts": flows.trustsAsTold,
  "shows names that are script as text": flows.showsHostileNames,
  "fits a phone, with landmarks and names": flows.fitsAPhone,
  "calls lies wrong": lies.callsLiesWrong,
  "catches a fork, and keeps the evidence": lies.catchesAFork,
  "catches an older head": lies.catchesAStaleHead,
  "catches another key": lies.catchesAnotherKey,
  "verifies a proof without a network": verifiesOffline,
  "looks as kept in ci-output": screenshots,
};

Deno.test({
  name: "the page",
  // The browser's driver keeps timers of its own.
  sanitizeOps: false,
  sanitizeResources: false,
  fn: (t) =>
    inFolder(async (folder) => {
      const browser = await openBrowser();
      if (browser === null) return;
      try {
        await using log = await startPageLog(folder, "log.test/page");
        for (const [name, story] of Object.entries(STORIES)) {
          await t.step(name, () => story(browser, log));
        }
      } finally {
        await browser.close();
      }
    }),
});

/** To be looked at: nothing is compared. */
async function screenshots(browser: Browser, { log }: PageLog): Promise<void> {
  await Deno.mkdir(SCREENSHOTS, { recursive: true });
  const desktop = { viewport: { width: 1280, height: 900 } };
  const phone = { viewport: { width: 390, height: 844 }, isMobile: true };
  const readers = {
    desktop,
    "desktop-dark": { ...desktop, colorScheme: "dark" as const },
    phone,
    "phone-dark": { ...phone, colorScheme: "dark" as const },
  };
  const views = { overview: "#/", entry: "#/entry/137", search: "#/search/project/made-up" };
  for (const [device, options] of Object.entries(readers)) {
    await using reader = await Reader.start(browser, options);
    for (const [view, hash] of Object.entries(views)) {
      if (view === "search" && device !== "desktop") continue; // It looks like the list before.
      await reader.page.goto(`${log.url}/${hash}`);
      await reader.sees(view === "overview" ? "#newest li" : "#view .mark", /Verified/);
      const path = `${SCREENSHOTS}${view}-${device}.png`;
      await reader.page.screenshot({ path, fullPage: true });
    }
  }
}
