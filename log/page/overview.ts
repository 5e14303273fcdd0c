/**
 * The overview: the sections below the head, each loaded again when there is news
 * of it. A section that fails says why, and leaves the others alone.
 *
 * @module
 */

import { byId, type Child, element, fill, fillKeepingFocus } from "./dom.ts";
import { entryList } from "./entry_list.ts";
import { evidenceList } from "./evidence_view.ts";
import { GrowthChart, growthSentence, parseGrowth } from "./growth_chart.ts";
import type { SignedHead } from "./head_report.ts";
import { readNewest } from "./proven_entry.ts";
import { refusalList } from "./refusals_view.ts";
import type { LogView, Session } from "./session.ts";
import { type VerdictKind, verdictOf } from "./verdict.ts";
import { verdictLine, verdictMark } from "./verdict_mark.ts";

const NEWEST = 12;
const REFUSALS = 10;

/** The sections of the overview that come from the log. */
export class Overview {
  readonly #session: Session;
  readonly #chart: GrowthChart;
  readonly #now: () => number;
  /** The head that the newest entries were read under. */
  #shown: SignedHead | null = null;

  /**
   * @param session The log.
   * @param now The time, in POSIX seconds.
   */
  constructor(session: Session, now: () => number) {
    this.#session = session;
    this.#now = now;
    this.#chart = new GrowthChart(byId("growth"));
    session.onChange((view) => void this.#onHead(view));
  }

  async #onHead(view: LogView): Promise<void> {
    const head = view.kind === "judged" ? view.report.head : null;
    if (!head || view.kind !== "judged") return;
    const isNew = this.#shown?.note !== head.note;
    this.#shown = head;
    if (!isNew) return;
    await Promise.all([
      this.#section("newest", () => this.#newest(head, view.report.kind)),
      this.growth(),
      this.refusals(),
      this.evidence(),
    ]);
  }

  async #newest(head: SignedHead, kind: VerdictKind): Promise<Child> {
    const entries = await readNewest(head, NEWEST);
    return entries.length > 0
      ? entryList(entries, kind)
      : element("p", { class: "quiet" }, "The log is empty.");
  }

  /** Loads the growth. */
  async growth(): Promise<void> {
    const json = await this.#session.client.json("growth").catch(() => null);
    const [times, sizes] = parseGrowth(json);
    const head = this.#shown;
    // The last point is what was proven, now.
    if (head && times.length > 0 && times.at(-1)! < this.#now()) {
      times.push(this.#now());
      sizes.push(Number(head.checkpoint.size));
    }
    this.#chart.show([times, sizes]);
    if (times.length < 2) return fill(byId("growth-note"));
    fill(
      byId("growth-note"),
      verdictMark("unverifiable"),
      ` ${growthSentence([times, sizes])} Sizes over time are the log’s word; the head is proven.`,
    );
  }

  /** Loads the refusals. */
  async refusals(): Promise<void> {
    await this.#section("refusals", async () => {
      const { view, client } = this.#session;
      if (view.kind !== "judged" || !view.report.head) return null;
      const json = await client.json(`refusals?limit=${REFUSALS}`);
      return await refusalList(json, view.report.head, view.report.kind);
    });
  }

  /** Loads the evidence. */
  async evidence(): Promise<void> {
    await this.#section("evidence", async () => {
      const { view, client } = this.#session;
      if (view.kind !== "judged") return null;
      return await evidenceList(await client.json("evidence"), client, view.report.policy);
    });
  }

  async #section(id: string, load: () => Promise<Child>): Promise<void> {
    let content: Child;
    try {
      content = await load();
    } catch (error) {
      content = verdictLine(verdictOf(error));
    }
    fillKeepingFocus(byId(id), content);
  }
}
