/**
 * `make-corpus`: writes a made-up history of a registry, in the form that `import
 * --from` reads: a JSON object a line.
 *
 * @module
 */

import { type Command, UsageError } from "@indelible/core/command";
import { corpus } from "./corpus.ts";
import { cannot } from "./files.ts";
import { interruptible, runMain } from "./main.ts";
import { Progress } from "./progress.ts";

/** Flags of `make-corpus`. */
export type MakeCorpusFlags = {
  /** How many lines. */
  readonly count: number;
  /** What the random choices follow from. */
  readonly seed: number;
  /** The file to create, or `-`. */
  readonly out: string;
};

const MAX_COUNT = 1e9;
const MAX_SEED = 2 ** 32 - 1;
/** Lines that are written at once. */
const CHUNK = 4096;

function parseNumber(text: string, least: number, most: number): number {
  const number = /^(?:0|[1-9][0-9]{0,9})$/.test(text) ? Number(text) : -1;
  if (number >= least && number <= most) return number;
  throw new SyntaxError(`it must be a whole number from ${least} to ${most}`);
}

/** The command line of `make-corpus`. */
export const command: Command<MakeCorpusFlags> = {
  name: "make-corpus",
  brief: "Make up the history of a registry, to import and to measure with",
  description: [
    "Writes made-up files, shaped like the real ones of a registry, as JSON lines that",
    "import reads. The same seed gives the same lines, and no name comes twice.",
    "",
    "Examples:",
    "  deno task make-corpus --count=10000000 --out=corpus.jsonl",
    "  deno task make-corpus --count=5 --seed=7",
  ].join("\n"),
  parameters: {
    flags: {
      count: {
        kind: "parsed",
        parse: (text: string) => parseNumber(text, 1, MAX_COUNT),
        brief: "How many files",
      },
      seed: {
        kind: "parsed",
        parse: (text: string) => parseNumber(text, 0, MAX_SEED),
        default: "1",
        brief: "Number that all random choices follow from",
      },
      out: {
        kind: "parsed",
        parse: String,
        default: "-",
        brief: "File to create, or - for standard output",
      },
    },
  },
  permissions({ out }) {
    return out === "-" ? {} : { write: [out] };
  },
  async run(flags) {
    if (flags.out === "") throw new UsageError("--out must name a file, or be -");
    return await interruptible((signal) => write(flags, signal));
  },
};

async function write(
  { count, seed, out }: MakeCorpusFlags,
  signal: AbortSignal,
): Promise<number> {
  using file = out === "-" ? undefined : create(out);
  const writer = (file ?? Deno.stdout).writable.getWriter();
  const progress = new Progress("make-corpus", "lines");
  const encoder = new TextEncoder();
  const files = corpus(seed);
  for (let done = 0; done < count;) {
    signal.throwIfAborted();
    let lines = "";
    for (const end = Math.min(count, done + CHUNK); done < end; done++) {
      lines += JSON.stringify(files.next().value) + "\n";
    }
    await writer.write(encoder.encode(lines));
    if (file) progress.show(done, count);
  }
  writer.releaseLock();
  progress.clear();
  return 0;
}

function create(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { write: true, createNew: true });
  } catch (error) {
    throw cannot("write", path, "--out", error);
  }
}

if (import.meta.main) await runMain(command);
