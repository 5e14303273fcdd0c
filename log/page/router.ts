/**
 * Shows the view that the address names. The heading of a new view gets the focus,
 * so that keyboards and screen readers go where the eyes go.
 *
 * @module
 */

import { byId, element, fill } from "./dom.ts";
import { entryView } from "./entry_view.ts";
import type { View } from "./view.ts";
import { evidenceView } from "./evidence_view.ts";
import { fileView } from "./file_view.ts";
import { parseRoute, type Route } from "./route.ts";
import { searchView } from "./search_view.ts";
import type { LogView, Session } from "./session.ts";
import { under, type Verdict, verified } from "./verdict.ts";
import { verdictLine, verdictSign, verdictWord } from "./verdict_mark.ts";

const HOME_TITLE = document.title;

/** Follows the address. */
export class Router {
  readonly #session: Session;
  /** Counts views, so that one that comes late does not replace a later one. */
  #turn = 0;
  #shownUnder: LogView["kind"] | null = null;

  /** @param session The log. */
  constructor(session: Session) {
    this.#session = session;
    addEventListener("hashchange", () => void this.#go(true));
    session.onChange((view) => {
      this.#showState(view);
      // A view that waited for the head is shown now; others stay as they were proven.
      const waits = this.#shownUnder !== "judged" || isWrong(view);
      if (waits && parseRoute(location.hash)?.kind !== "overview") void this.#go(false);
    });
    void this.#go(false);
  }

  /** The one-word answer about the head, on every view but the overview. */
  #showState(view: LogView): void {
    const state = byId("state");
    if (view.kind === "checking") return fill(state);
    const kind = view.kind === "judged" ? view.report.kind : view.verdict.kind;
    fill(
      state,
      element(
        "a",
        { href: "#/", class: `mark ${kind}` },
        verdictSign(kind),
        `Head: ${verdictWord(kind)}`,
      ),
    );
  }

  async #go(moved: boolean): Promise<void> {
    const route = parseRoute(location.hash);
    if (!route) return; // A place on the same view.
    const turn = ++this.#turn;
    const isHome = route.kind === "overview";
    byId("home").hidden = !isHome;
    byId("view").hidden = isHome;
    if (isHome) {
      document.title = HOME_TITLE;
      if (moved) focusOn(byId("origin"));
      return;
    }
    const heading = element("h1", { focusable: true }, "Checking…");
    fill(byId("view"), heading);
    if (moved) focusOn(heading);
    const { view } = this.#session;
    this.#shownUnder = view.kind;
    const { title, body } = await this.#view(route, view);
    if (turn !== this.#turn) return;
    document.title = `${title} · ${HOME_TITLE}`;
    fill(heading, element("bdi", {}, title));
    fill(byId("view"), heading, ...body);
    if (moved) focusOn(heading);
  }

  async #view(route: Exclude<Route, { kind: "overview" }>, view: LogView): Promise<View> {
    if (route.kind === "unknown") {
      return { title: "Nothing here", body: ["This address leads to nothing on this page."] };
    }
    if (view.kind === "checking") return { title: "Checking…", body: [] };
    if (view.kind === "nothing") return notJudged(view.verdict);
    const { client } = this.#session;
    const { head, kind, policy } = view.report;
    if (route.kind === "evidence") return await evidenceView(route.name, client, policy);
    if (!head) return notJudged(under(kind, verified("")));
    switch (route.kind) {
      case "entry":
        return await entryView(route.index, view);
      case "search":
        return await searchView(route.query, route.before, client, head, kind);
      case "file":
        return await fileView(route.name, route.digest, client, head, kind);
    }
  }
}

function isWrong(view: LogView): boolean {
  return view.kind === "judged" && view.report.kind === "wrong";
}

function notJudged(verdict: Verdict): View {
  return { title: "No head to prove anything under", body: [verdictLine(verdict)] };
}

function focusOn(heading: HTMLElement): void {
  heading.focus({ preventScroll: true });
  scrollTo(0, 0);
}
