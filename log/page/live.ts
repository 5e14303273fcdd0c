/**
 * Keeps the page up to date: server-sent events tell that there is something new,
 * and where the log has none to give, it is asked now and then. What an event says is
 * never shown; it only makes the page look.
 *
 * @module
 */

/** What there can be news of. */
export type News = "checkpoint" | "refusal" | "evidence";

/** A busy log has news each second; a reader needs them less often. */
const AT_MOST_EVERY_MS = 1500;
const ASK_EVERY_MS = 15_000;

/** Calls back whenever there is news, one kind at most every second and a half. */
export function followLog(url: string, onNews: (news: News) => void): void {
  const calm = new Map<News, (() => void)>();
  const tell = (news: News) => {
    if (!calm.has(news)) calm.set(news, throttled(() => onNews(news), AT_MOST_EVERY_MS));
    calm.get(news)!();
  };
  const events = new EventSource(url);
  for (const news of ["checkpoint", "refusal", "evidence"] as const) {
    events.addEventListener(news, () => tell(news));
  }
  // The browser reconnects by itself, except to what is no event stream at all.
  let asking = false;
  events.addEventListener("error", () => {
    if (events.readyState !== EventSource.CLOSED || asking) return;
    asking = true;
    setInterval(() => {
      if (document.hidden) return;
      for (const news of ["checkpoint", "refusal", "evidence"] as const) tell(news);
    }, ASK_EVERY_MS);
  });
}

function throttled(act: () => void, milliseconds: number): () => void {
  let last = -Infinity;
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    if (timer !== undefined) return;
    const wait = Math.max(0, last + milliseconds - performance.now());
    timer = setTimeout(() => {
      timer = undefined;
      last = performance.now();
      act();
    }, wait);
  };
}
