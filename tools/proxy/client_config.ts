/**
 * pip's and uv's configuration files as text: led to the proxy, and back. Only our
 * own lines come and go; what must not stand beside them is set aside as a comment,
 * so that taking it back gives the very bytes that were there before. Pure.
 *
 * @module
 */

import { parse } from "smol-toml";

/** An edit of a configuration file. */
export interface ConfigEditor {
  /**
   * Leads to the proxy.
   *
   * @param text The file; `""` when there is none.
   * @param simple The proxy's index.
   * @throws {SyntaxError} If it cannot be edited safely.
   */
  install(text: string, simple: URL): string;
  /** What else in the file leads clients to files that nobody verifies, for a warning. */
  leadsPast(text: string): string[];
}

const BEGIN = "# >>> indelible proxy";
const END = "# <<< indelible proxy";
const ASIDE = "# indelible set aside: ";
/** Says in the first line of ours that a line's end before it is ours, too. */
const JOINED = `${BEGIN} (ended the line above)`;

/** The file without anything of ours: the bytes before {@linkcode ConfigEditor.install}. */
export function uninstall(text: string): string {
  const kept: string[] = [];
  let within = false;
  for (const line of linesOf(text)) {
    if (line.startsWith(BEGIN)) {
      within = true;
      if (line.startsWith(JOINED)) kept.push(kept.pop()!.replace(/\n$/, ""));
    } else if (within) within = !line.startsWith(END);
    else kept.push(line.startsWith(ASIDE) ? line.slice(ASIDE.length) : line);
  }
  return kept.join("");
}

/** Whether there is anything of ours. */
export function isInstalled(text: string): boolean {
  return uninstall(text) !== text;
}

/** Lines with their ends. */
function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function block(begin: string, ...lines: string[]): string {
  return [begin, ...lines, END, ""].join("\n");
}

function appended(lines: readonly string[], ...ours: string[]): string {
  const text = lines.join("");
  return text === "" || text.endsWith("\n")
    ? text + block(BEGIN, ...ours)
    : `${text}\n${block(JOINED, ...ours)}`;
}

/** `pip.conf`: the index of every command (`[global]`), and of none in particular. */
export const pipConfig: ConfigEditor = {
  install(text, simple) {
    const lines = linesOf(uninstall(text));
    const setAside = new Set(pipSettings(lines, "index-url").flatMap(({ rows }) => rows));
    const kept = lines.map((line, i) => setAside.has(i) ? ASIDE + line : line);
    const setting = `index-url = ${simple}`;
    const at = lines.findIndex((line) => /^\[global\]\s*$/.test(line));
    if (at < 0) return appended(kept, "[global]", setting);
    if (!kept[at]!.endsWith("\n")) return appended(kept, setting);
    return kept.toSpliced(at + 1, 0, block(BEGIN, setting)).join("");
  },
  leadsPast(text) {
    const lines = linesOf(uninstall(text));
    return ["extra-index-url", "find-links", "no-index"].filter((name) =>
      pipSettings(lines, name).length > 0
    );
  },
};

/** The settings of a name in any section, each with the numbers of its lines. */
function pipSettings(lines: readonly string[], name: string): { rows: number[] }[] {
  const found: { rows: number[] }[] = [];
  lines.forEach((line, i) => {
    const key = /^(?:--)?([A-Za-z_-]+)\s*[=:]/.exec(line)?.[1];
    if (key?.toLowerCase().replaceAll("_", "-") !== name) return;
    const rows = [i];
    // A value may go on in lines that are indented.
    for (let row = i + 1; /^[ \t]+\S/.test(lines[row] ?? ""); row++) rows.push(row);
    found.push({ rows });
  });
  return found;
}

interface UvTable {
  /** Its header, or `""` for what stands before any. */
  readonly header: string;
  /** Its lines, by their numbers. */
  readonly rows: number[];
}

/** `uv.toml`: the default index, which there may be one of. */
export const uvConfig: ConfigEditor = {
  install(text, simple) {
    const original = uninstall(text);
    const before = toml(original);
    const lines = linesOf(original);
    const setAside = new Set<number>();
    for (const { header, rows } of uvTables(lines)) {
      const isDefault = rows.some((row) => /^\s*default\s*=\s*true\b/.test(lines[row]!));
      if (header === "[[index]]" && isDefault) rows.forEach((row) => setAside.add(row));
      if (header !== "" && header !== "[pip]") continue;
      rows.filter((row) => /^\s*index-url\s*=/.test(lines[row]!)).forEach((row) =>
        setAside.add(row)
      );
    }
    const kept = lines.map((line, i) => setAside.has(i) ? ASIDE + line : line);
    const edited = appended(kept, "[[index]]", `url = "${simple}"`, "default = true");
    requireOneDefault(edited, simple);
    // Nothing else may be another than before.
    const [was, is] = [before, toml(edited)].map((config) => others(config));
    if (was !== is) throw new SyntaxError("its index cannot be told apart from the rest of it");
    return edited;
  },
  leadsPast(text) {
    const config = toml(uninstall(text));
    const names = ["extra-index-url", "find-links", "no-index"].filter((name) => name in config);
    const more = indexesOf(config).filter((index) => index["default"] !== true);
    return more.length > 0 ? [...names, "further [[index]] tables"] : names;
  },
};

function uvTables(lines: readonly string[]): UvTable[] {
  const tables: UvTable[] = [{ header: "", rows: [] }];
  lines.forEach((line, i) => {
    const header = /^\s*(\[.*\])\s*(?:#.*)?$/.exec(line.trimEnd())?.[1]?.replaceAll(/\s/g, "");
    if (header !== undefined) tables.push({ header, rows: [i] });
    else tables.at(-1)!.rows.push(i);
  });
  return tables;
}

type Toml = Readonly<Record<string, unknown>>;

function toml(text: string): Toml {
  try {
    return parse(text);
  } catch (error) {
    throw new SyntaxError(`it is not TOML: ${(error as Error).message.split("\n")[0]}`);
  }
}

function indexesOf(config: Toml): Toml[] {
  return Array.isArray(config["index"]) ? config["index"] : [];
}

function requireOneDefault(text: string, simple: URL): void {
  const defaults = indexesOf(toml(text)).filter((index) => index["default"] === true);
  if (defaults.length === 1 && defaults[0]!["url"] === simple.href) return;
  throw new SyntaxError("it sets its indexes in a way that cannot be edited line by line");
}

/** All but the default index, to be compared. */
function others(config: Toml): string {
  const { "index-url": _, index: ___, pip, ...rest } = config;
  const { "index-url": __, ...pipRest } = (pip ?? {}) as Toml;
  const index = indexesOf(config).filter((one) => one["default"] !== true);
  return JSON.stringify({ ...rest, pip: pipRest, index });
}
