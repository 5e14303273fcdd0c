/**
 * The head on the overview: the answer in one sentence, each check behind it, and
 * whom this browser trusts.
 *
 * @module
 */

import { concat, encodeHex, parsePolicy, utf8 } from "@indelible/core";
import { button, byId, type Child, chooseFile, code, element, fill, saveLink } from "./dom.ts";
import { forkEvidence } from "./fork_evidence.ts";
import { formatCount, formatMoment } from "./format.ts";
import type { HeadReport, SignedHead } from "./head_report.ts";
import { banner, checkList } from "./report_view.ts";
import type { LogView, Session } from "./session.ts";
import type { LogStatus } from "./status.ts";
import type { Trust } from "./trust.ts";
import type { VerdictKind } from "./verdict.ts";
import { verdictMark, verdictWord } from "./verdict_mark.ts";

const MEANING: Readonly<Record<VerdictKind, string>> = {
  verified: "This browser has checked the head of the log, and all of it holds.",
  unverifiable: "Nothing here contradicts the log, but not all of it could be proven.",
  wrong: "What the log shows cannot be true. Rely on nothing of it until that is explained.",
};

/** Shows the head, and keeps it up to date. */
export function showHead(session: Session): void {
  let shown = "";
  session.onChange((view) => {
    fill(byId("answer"), ...answer(view, session));
    if (view.kind !== "judged") return;
    // Only when it changes: the reader may have it open.
    const { text, source, other } = view.trust;
    const trust = JSON.stringify([text, source, other]);
    if (trust !== shown) fill(byId("trust"), ...trustDetails(view.trust, session));
    shown = trust;
    // What stands under a head that nobody signed is not shown, whatever was shown before.
    byId("live").hidden = view.report.head === null;
    showFacts(view.report.head, view.status);
  });
}

function showFacts(head: SignedHead | null, { publishedAt }: LogStatus): void {
  if (!head) {
    for (const id of ["size", "root", "time"]) fill(byId(id), "not signed by a trusted key");
    return;
  }
  fill(byId("size"), formatCount(head.checkpoint.size));
  fill(byId("root"), code(encodeHex(head.checkpoint.root)));
  const times = head.cosigned.map(({ time }) => Number(time));
  const isCosigned = times.length > 0;
  const seconds = isCosigned ? Math.max(...times) : Date.parse(publishedAt ?? "") / 1000;
  fill(byId("time-label"), isCosigned ? "Last cosigned" : "Published, as the log says");
  fill(byId("time"), Number.isFinite(seconds) ? formatMoment(seconds) : "not known");
}

function answer(view: LogView, session: Session): Child[] {
  switch (view.kind) {
    case "checking":
      return [banner("unverifiable", "Checking…", "This browser is checking what the log shows.")];
    case "nothing":
      return [
        banner(view.verdict.kind, verdictWord(view.verdict.kind), view.verdict.why),
        element("p", {}, button("Check again", () => void session.checkAgain())),
      ];
    case "judged": {
      const { report, trust } = view;
      return [
        banner(report.kind, verdictWord(report.kind), MEANING[report.kind]),
        checkList(report.checks),
        report.kind === "wrong" && whatToDo(report, trust, session),
      ];
    }
  }
}

/** A wrong head is worth keeping: it may be the only proof of what the log did. */
function whatToDo({ head }: HeadReport, trust: Trust, session: Session): HTMLElement {
  const saves = element("span", {});
  if (head && trust.lastNote) {
    const seen = trust.lastNote;
    void forkEvidence(head, seen, trust.text, new Date()).then((evidence) =>
      fill(
        saves,
        evidence ? saveLink("Save the evidence", "fork-evidence.json", evidence) : saveLink(
          "Save both signed heads",
          "two-heads.txt",
          concat(seen, utf8("\n"), head.note),
        ),
      )
    );
  }
  return element(
    "div",
    { class: "what-to-do" },
    element(
      "p",
      {},
      "Keep what was signed, and show it to the witnesses and to those who run monitors.",
    ),
    element(
      "p",
      { class: "actions" },
      saves,
      " ",
      button("Check again", () => void session.checkAgain()),
      " ",
      button("Forget what this browser remembers", () => void session.forget()),
    ),
  );
}

function trustDetails(trust: Trust, session: Session): Child[] {
  const sources = {
    "first-visit": "the policy that the log itself stated on this, the first visit",
    remembered: "the policy that this browser has kept since its first visit",
    own: "the policy that you chose",
  };
  const summary = element("summary", {}, "Whom this browser trusts");
  const kept = session.memory.lasts
    ? ""
    : " This browser lets the page keep nothing, so it cannot compare with earlier visits.";
  return [
    trust.other && otherPolicy(trust.other, session),
    element(
      "details",
      { class: "trust" },
      summary,
      element("p", {}, `Everything is checked under ${sources[trust.source]}.${kept}`),
      element("pre", { dir: "ltr" }, trust.text.trim()),
      element(
        "p",
        { class: "actions" },
        saveLink("Save this policy", "policy", utf8(trust.text)),
        " ",
        chooseFile("Use a policy of your own", (file) => void useOwn(file, session)),
        " ",
        button("Forget what this browser remembers", () => void session.forget()),
      ),
      element("p", { class: "error", id: "policy-error", role: "alert" }, policyError),
    ),
  ];
}

function otherPolicy(other: NonNullable<Trust["other"]>, session: Session): HTMLElement {
  return element(
    "div",
    { class: "notice", role: "alert" },
    verdictMark("unverifiable"),
    ` The log now states another policy than the one this browser trusts: ${other.differs} changed. `,
    "Follow it only if its operators or witnesses announced that. ",
    button("Trust the new policy", () => void session.trust(other.text, false)),
  );
}

/** What is wrong with the policy that was chosen last; stays while the view is drawn anew. */
let policyError = "";

async function useOwn(file: File, session: Session): Promise<void> {
  try {
    const bytes = new Uint8Array(await file.arrayBuffer());
    parsePolicy(bytes);
    policyError = "";
    await session.trust(new TextDecoder().decode(bytes), true);
  } catch (error) {
    policyError = (error as Error).message;
    fill(byId("policy-error"), policyError);
  }
}
