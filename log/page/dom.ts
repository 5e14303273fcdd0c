/**
 * Makes elements. Text only ever becomes text nodes and the values of the few
 * attributes listed here, so that nothing an entry or a log says can become markup,
 * script or style; a test holds that the page has no other way.
 *
 * @module
 */

/** What an element may hold. */
export type Child = Node | string | number | bigint | null | false;

/** The attributes that are used: none of them runs or loads anything. */
export interface Attributes {
  /** CSS classes. */
  readonly class?: string;
  /** Element id. */
  readonly id?: string;
  /** Where a link leads: within this page, or to bytes that it made. */
  readonly href?: string;
  /** Name of the file that a link saves. */
  readonly download?: string;
  /** ARIA role. */
  readonly role?: string;
  /** Accessible name. */
  readonly label?: string;
  /** Id of the element that names it. */
  readonly labelledBy?: string;
  /** Hides it from screen readers: what is beside it says the same. */
  readonly decorative?: boolean;
  /** Lets a script focus it. */
  readonly focusable?: boolean;
  /** Scope of a table header. */
  readonly scope?: "col" | "row";
  /** Machine-readable time. */
  readonly datetime?: string;
  /** Kind of button. */
  readonly type?: "button" | "submit";
  /** Isolates text that may run in another direction. */
  readonly dir?: "ltr" | "auto";
}

const LINK = /^(?:#|blob:|[a-z]+\.html$)/;

/** Makes an HTML element. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  if (attributes.href !== undefined && !LINK.test(attributes.href)) {
    throw new TypeError("Cannot make link: it must stay within the log");
  }
  for (const name of ["class", "id", "href", "download", "role", "datetime", "scope"] as const) {
    const value = attributes[name];
    if (value !== undefined) made.setAttribute(name, value);
  }
  if (attributes.type !== undefined) made.setAttribute("type", attributes.type);
  if (attributes.dir !== undefined) made.setAttribute("dir", attributes.dir);
  if (attributes.label !== undefined) made.setAttribute("aria-label", attributes.label);
  if (attributes.labelledBy !== undefined) {
    made.setAttribute("aria-labelledby", attributes.labelledBy);
  }
  if (attributes.decorative) made.setAttribute("aria-hidden", "true");
  if (attributes.focusable) made.setAttribute("tabindex", "-1");
  append(made, children);
  return made;
}

/** Replaces all that an element holds. */
export function fill(parent: Element, ...children: readonly Child[]): void {
  parent.replaceChildren();
  append(parent, children);
}

/** As {@linkcode fill}; a link that had the focus has it again if it is still there. */
export function fillKeepingFocus(parent: Element, ...children: readonly Child[]): void {
  const { activeElement } = document;
  const href = parent.contains(activeElement) ? activeElement!.getAttribute("href") : null;
  fill(parent, ...children);
  if (href === null) return;
  const links = [...parent.querySelectorAll("a")];
  links.find((link) => link.getAttribute("href") === href)?.focus({ preventScroll: true });
}

function append(parent: Element, children: readonly Child[]): void {
  for (const child of children) {
    if (child === null || child === false) continue;
    parent.append(child instanceof Node ? child : String(child));
  }
}

/** Makes an SVG element. */
export function svg<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string | number>> = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[Tag] {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  append(made, children);
  return made;
}

/** The element with an id; the page has it. */
export function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no element "${id}"`);
  return found;
}

/** Makes a button. */
export function button(text: string, onClick: () => void): HTMLButtonElement {
  const made = element("button", { type: "button" }, text);
  made.addEventListener("click", onClick);
  return made;
}

/** Makes a link that saves bytes as a file. */
export function saveLink(
  text: string,
  filename: string,
  bytes: Uint8Array<ArrayBuffer>,
): HTMLAnchorElement {
  const href = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
  return element("a", { class: "save", href, download: filename }, text);
}

/** Text in the machine's letters, which may break anywhere. */
export function code(text: string): HTMLElement {
  return element("code", { dir: "ltr" }, text);
}

/** A button that asks for a file. */
export function chooseFile(text: string, onFile: (file: File) => void): HTMLElement {
  const input = element("input", { class: "visually-hidden" });
  input.type = "file";
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    if (file) onFile(file);
    input.value = ""; // The same file may be chosen again.
  });
  return element("label", { class: "button" }, input, text);
}
