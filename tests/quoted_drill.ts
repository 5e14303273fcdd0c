/**
 * What `docs/consumers.md` says that a person sees, held to what came out. Its section
 * "The drill" has one block for each fault: commands after `$`, and under each the
 * lines of its output that matter, in their order; `…` stands for what is left out.
 */

import { deepEqual, equal, ok } from "node:assert/strict";
import type { Clients, Installed, RunningProxy } from "./proxy_fixture.ts";

const DOCS = new URL("../docs/consumers.md", import.meta.url);

/** A command of the documents, and the lines that they quote of it. */
interface Quote {
  readonly command: string;
  readonly lines: readonly string[];
}

/** The blocks of the section by their titles. */
export function readDrill(text: string): Map<string, Quote[]> {
  const section = /^## The drill$([^]*?)(?=^## |(?![^]))/m.exec(text)?.[1] ?? "";
  const blocks = section.matchAll(
    /^\*\*([^*]+?)\.?\*\*(?:(?!\n\*\*)[^])*?^```text\n([^]*?)^```$/gm,
  );
  return new Map([...blocks].map(([, title, block]) => [title!, quotesOf(block!)]));
}

function quotesOf(block: string): Quote[] {
  return block.split(/^\$ /m).slice(1).map((part) => {
    const [command, ...lines] = part.trimEnd().split("\n");
    return { command: command!, lines: lines.filter((line) => line.trim() !== "…") };
  });
}

/** Runs what the documents say and holds them to it. */
export class Drill {
  readonly #quotes: Map<string, Quote[]>;
  readonly #done: Set<string>;
  readonly #clients: Clients;
  readonly #simple: string;
  readonly #proxy: RunningProxy;
  readonly #names: readonly (readonly [here: string, there: string])[];

  /**
   * @param clients pip and uv.
   * @param simple The proxy's index.
   * @param proxy The proxy.
   * @param names URLs of this run, and what they are called in the documents.
   */
  constructor(
    clients: Clients,
    simple: string,
    proxy: RunningProxy,
    names: readonly (readonly [here: string, there: string])[],
    shared: { quotes: Map<string, Quote[]>; done: Set<string> } = {
      quotes: readDrill(Deno.readTextFileSync(DOCS)),
      done: new Set(),
    },
  ) {
    [this.#quotes, this.#done] = [shared.quotes, shared.done];
    [this.#clients, this.#simple, this.#proxy, this.#names] = [clients, simple, proxy, names];
  }

  /** The same with another proxy. */
  behind(proxy: RunningProxy): Drill {
    const shared = { quotes: this.#quotes, done: this.#done };
    return new Drill(this.#clients, `${proxy.url}simple/`, proxy, this.#names, shared);
  }

  /** Holds that both clients fail, install nothing and say what the documents quote. */
  async refuses(title: string, requirement: string): Promise<void> {
    for (const { code, output, files } of await this.#see(title, requirement)) {
      ok(code !== 0, `${title}: it must fail: ${output}`);
      deepEqual(files, [], title);
    }
  }

  /** Holds that both clients install, and say what the documents quote. */
  async installs(title: string, requirement: string): Promise<(readonly string[])[]> {
    const both = await this.#see(title, requirement);
    for (const { code, output } of both) equal(code, 0, `${title}: ${output}`);
    return both.map(({ files }) => files);
  }

  /** Holds that the documents have no block that nothing was run for. */
  requireAllQuoted(): void {
    deepEqual([...this.#done].sort(), [...this.#quotes.keys()].sort());
  }

  async #see(title: string, requirement: string): Promise<Installed[]> {
    const before = this.#proxy.output().length;
    const [pip, uv] = await this.#clients.both(this.#simple, requirement);
    const word = /[<>]/.test(requirement) ? `'${requirement}'` : requirement;
    const seen = [
      [`pip install ${word}`, pip.output],
      [`uv pip install ${word}`, uv.output],
      ["deno task proxy", this.#proxy.output().slice(before)],
    ] as const;
    this.#done.add(title);
    const quotes = this.#quotes.get(title);
    const all = seen.map(([command, output]) => `$ ${command}\n${this.#plain(output)}`).join("\n");
    ok(quotes, `docs/consumers.md must quote "${title}": ${all}`);
    deepEqual(quotes.map(({ command }) => command), seen.map(([command]) => command), title);
    quotes.forEach(({ command, lines }, i) => {
      const output = this.#plain(seen[i]![1]);
      if (lines.length === 0) equal(output.trim(), "", `${title}: ${command} says something`);
      let rest = output.split("\n");
      for (const line of lines) {
        const at = rest.findIndex((one) => isQuoted(one, line));
        ok(at >= 0, `${title}: ${command} does not say "${line}" where it is quoted: ${all}`);
        rest = rest.slice(at + 1);
      }
    });
    return [pip, uv];
  }

  /** Output as the documents show it. */
  #plain(output: string): string {
    for (const [here, there] of this.#names) {
      output = output.replaceAll(here, there);
    }
    return output.replaceAll(/127\.0\.0\.1:[0-9]+/g, "127.0.0.1:8082");
  }
}

/** Whether a line is the quoted one, where `…` at its end stands for more. */
function isQuoted(line: string, quote: string): boolean {
  return quote.endsWith("…")
    ? line.startsWith(quote.slice(0, -1).trimEnd()) && line.length > quote.length
    : line.trimEnd() === quote.trimEnd();
}
