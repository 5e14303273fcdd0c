/**
 * Runs `stories/*.txt` against the real program. A story reads from top to bottom:
 *
 *     # A remark.
 *     publisher NAME TOKEN    writes a line into the file `publishers`
 *     log FLAG…               starts a log in a new folder
 *     restart                 stops it and starts it again
 *     GET /path               a request, then lines of
 *     > name: value           its header fields
 *     anything else           its body
 *     < 200                   the status that must be answered
 *     < name: value           a header field that must be there; no value: must not
 *     | text                  the body, line by line; {word} stands for anything
 *
 * An empty line ends a request.
 */

import { equal, ok } from "node:assert/strict";
import { checksumOf } from "./http_fixture.ts";
import { type RunningLog, startLog } from "./running_log.ts";
import { inFolder } from "./temporary.ts";

const STORIES = new URL("stories/", import.meta.url);
const REQUEST = /^(GET|HEAD|POST|PUT|DELETE|OPTIONS) (\/\S*)$/;

for (const { name } of Deno.readDirSync(STORIES)) {
  if (!name.endsWith(".txt")) continue;
  Deno.test(`story: ${name.slice(0, -4).replaceAll("_", " ")}`, () =>
    inFolder(async (folder) => {
      const story = new Story(folder, name);
      try {
        const lines = (await Deno.readTextFile(new URL(name, STORIES))).split("\n");
        for (let at = 0; at < lines.length;) at = await story.step(lines, at);
      } finally {
        await story.stop();
      }
      ok(story.requests > 0, "a story asks something");
    }));
}

/** A story under way. */
class Story {
  readonly #folder: string;
  readonly #name: string;
  #flags: string[] = [];
  #log: RunningLog | undefined;
  /** How many requests were answered as they must be. */
  requests = 0;

  constructor(folder: string, name: string) {
    this.#folder = folder;
    this.#name = name;
  }

  /** Takes the step at a line; returns the line after it. */
  async step(lines: readonly string[], at: number): Promise<number> {
    const line = lines[at]!;
    const [word, ...rest] = line.split(" ");
    if (line === "" || word === "#") return at + 1;
    if (word === "publisher") {
      const text = `${rest[0]} ${checksumOf(rest[1]!)}\n`;
      await Deno.writeTextFile(`${this.#folder}/publishers`, text, { append: true });
    } else if (word === "log" || word === "restart") {
      if (word === "log") this.#flags = rest;
      await this.stop();
      const start = { folder: this.#folder, origin: "story.test/log" };
      this.#log = await startLog({ ...start, flags: ["--batch-interval=10ms", ...this.#flags] });
    } else if (REQUEST.test(line)) {
      const end = lines.indexOf("", at);
      await this.#request(lines.slice(at, end < 0 ? lines.length : end), at + 1);
      return end < 0 ? lines.length : end + 1;
    } else {
      throw new SyntaxError(`Cannot read ${this.#name}:${at + 1}: unknown step "${line}"`);
    }
    return at + 1;
  }

  async stop(): Promise<void> {
    await this.#log?.stop();
  }

  async #request([first, ...lines]: readonly string[], number: number): Promise<void> {
    const [, method, path] = REQUEST.exec(first!)!;
    const starting = (mark: string) =>
      lines.filter((line) => line === mark || line.startsWith(`${mark} `))
        .map((line) => line.slice(2));
    const body = lines.filter((line) => !/^[<>|](?: |$)/.test(line)).join("\n");
    const response = await fetch(this.#log!.url + path, {
      method: method!,
      headers: starting(">").map((field) => field.split(": ") as [string, string]),
      ...(body !== "" && { body }),
    });
    const text = await response.text();
    const where = `${this.#name}:${number} ${first}`;
    const [status, ...fields] = starting("<");
    equal(String(response.status), status, `${where}: ${text}`);
    for (const field of fields) {
      const [, name, value] = /^([a-z-]+):(?: (.*))?$/.exec(field)!;
      equal(response.headers.get(name!), value ?? null, `${where}: ${name}`);
    }
    const want = starting("|");
    if (want.length > 0) {
      const pattern = want.map((line) => line.split(/\{[a-z]+\}/).map(RegExp.escape).join(".+?"))
        .join("\n");
      ok(new RegExp(`^${pattern}\n$`).test(text), `${where}: body\n${text}\nis not\n${pattern}`);
    }
    this.requests++;
  }
}
