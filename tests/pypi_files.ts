/** The real input: every file of a few PyPI projects (see `data/README.md`). */

import type { LoggedFile } from "./running_log.ts";

const DATA = new URL("data/pypi-files.jsonl.gz", import.meta.url);

/** The data as JSON lines, and the file that each line is about. */
export async function readPypiFiles(): Promise<{ text: string; files: LoggedFile[] }> {
  const packed = new Blob([await Deno.readFile(DATA)]).stream();
  const text = await new Response(packed.pipeThrough(new DecompressionStream("gzip"))).text();
  return { text, files: text.trimEnd().split("\n").map((line) => JSON.parse(line)) };
}
