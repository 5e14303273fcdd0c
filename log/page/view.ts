/**
 * What a route leads to: a heading and what is below it.
 *
 * @module
 */

import { type Child, element } from "./dom.ts";

/** A view that a route leads to. */
export interface View {
  /** The heading and the window's title. */
  readonly title: string;
  /** What is below the heading. */
  readonly body: readonly Child[];
}

/** A section with a heading. */
export function section(title: string, ...children: readonly Child[]): HTMLElement {
  const id = `section-${title.toLowerCase().replaceAll(" ", "-")}`;
  const heading = element("h2", { id }, title);
  return element("section", { labelledBy: id }, heading, ...children);
}
