/**
 * Builds the page (`deno task build:page`): bundles its scripts, puts uPlot's style
 * sheet before the page's own, and copies the rest into `dist/`, which is committed and
 * which the log serves. With `--check` it builds to memory and fails when the committed
 * bytes are not the ones that the source gives. Run at build time only.
 *
 * @module
 */

const HERE = new URL("./", import.meta.url);
const DIST = new URL("dist/", HERE);

/** Scripts by the name they are served under. Classic scripts: modules do not load from `file:`. */
const SCRIPTS: Readonly<Record<string, string>> = {
  "index.js": "main.ts",
  "verify.js": "verify_main.ts",
};
const COPIED = ["index.html", "verify.html", "icon.svg"];

async function bundle(source: string): Promise<Uint8Array<ArrayBuffer>> {
  const { success, stdout, stderr } = await new Deno.Command("deno", {
    args: [
      ...["bundle", "--quiet", "--frozen", "--no-check", "--platform", "browser"],
      ...["--format", "iife", "--minify", source],
    ],
    cwd: HERE,
  }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(`Cannot bundle ${source}: ${text.decode(stderr)}`);
  return stdout;
}

/** uPlot's own style sheet, from the package that the lock file names. */
async function chartStyle(): Promise<string> {
  const module = new URL(import.meta.resolve("uplot"));
  return await Deno.readTextFile(new URL("uPlot.min.css", module));
}

async function build(): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [name, source] of Object.entries(SCRIPTS)) files.set(name, await bundle(source));
  const style = await chartStyle() + "\n" + await Deno.readTextFile(new URL("page.css", HERE));
  files.set("page.css", new TextEncoder().encode(style));
  for (const name of COPIED) files.set(name, await Deno.readFile(new URL(name, HERE)));
  return files;
}

/** What the committed files differ in from those that were built. */
async function differences(built: Map<string, Uint8Array>): Promise<string[]> {
  const names = new Set(built.keys());
  for await (const { name } of Deno.readDir(DIST)) names.add(name);
  const different: string[] = [];
  for (const name of names) {
    const committed = await Deno.readFile(new URL(name, DIST)).catch(() => null);
    const bytes = built.get(name);
    const same = committed && bytes && committed.length === bytes.length &&
      committed.every((byte, i) => byte === bytes[i]);
    if (!same) different.push(name);
  }
  return different;
}

if (import.meta.main) {
  const built = await build();
  if (Deno.args.includes("--check")) {
    const different = await differences(built);
    for (const name of different) {
      console.error(`dist/${name} is not what the source gives: run deno task build:page`);
    }
    if (different.length > 0) Deno.exit(1);
  } else {
    await Deno.remove(DIST, { recursive: true }).catch(() => {});
    await Deno.mkdir(DIST);
    for (const [name, bytes] of built) {
      await Deno.writeFile(new URL(name, DIST), bytes);
      console.log(`dist/${name}: ${bytes.length} bytes`);
    }
  }
}
