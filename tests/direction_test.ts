/**
 * Imports run one way: `core <- log | witness | tools <- tests, deploy`, held by
 * the module graph that Deno itself sees.
 */

import { deepEqual, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** What each folder may import of the others. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  log: ["core"],
  witness: ["core"],
  tools: ["core"],
  tests: ["core", "log", "witness", "tools", "deploy"],
  deploy: ["core", "log", "witness", "tools"],
};

interface Graph {
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly {
      readonly code?: { readonly specifier: string };
      readonly type?: { readonly specifier: string };
    }[];
  }[];
}

Deno.test("no import runs against the direction of the folders", async () => {
  const sources = await sourceFiles();
  ok(sources.length > 50);
  // One module that imports all, so that Deno resolves the whole graph at once.
  const all = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const imports = sources.map((path) => `import ${JSON.stringify(`file://${ROOT}${path}`)};\n`);
    await Deno.writeTextFile(all, imports.join(""));
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", `--config=${ROOT}deno.json`, all],
      stderr: "null",
    }).output();
    const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as Graph;
    const seen = modules.map(({ specifier }) => placeOf(specifier)).filter((place) => place);
    ok(seen.length >= sources.length, `the graph has ${seen.length} of ${sources.length} files`);
    deepEqual(modules.flatMap(wrongImports), []);
  } finally {
    await Deno.remove(all);
  }
});

function wrongImports({ specifier, dependencies = [] }: Graph["modules"][number]): string[] {
  const from = placeOf(specifier);
  if (!from) return [];
  return dependencies.flatMap(({ code, type }) => {
    const to = placeOf((code ?? type)?.specifier ?? "");
    if (!to || to.folder === from.folder) return [];
    // A test may stand beside its source and use what all tests use.
    const allowed = from.path.endsWith("_test.ts")
      ? MAY_IMPORT["tests"]!
      : MAY_IMPORT[from.folder]!;
    const all = from.path.endsWith("_test.ts") ? [...allowed, "tests"] : allowed;
    return all.includes(to.folder) ? [] : [`${from.path} imports ${to.path}`];
  });
}

function placeOf(specifier: string): { folder: string; path: string } | null {
  if (!specifier.startsWith(`file://${ROOT}`)) return null;
  const path = specifier.slice(`file://${ROOT}`.length);
  const folder = path.split("/")[0]!;
  return folder in MAY_IMPORT ? { folder, path } : null;
}

async function sourceFiles(folder = ""): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(ROOT + folder)) {
    const path = folder + name;
    const top = path.split("/")[0]!;
    if (!(top in MAY_IMPORT) || path === "core/kernel/assembly") continue;
    if (isDirectory) files.push(...await sourceFiles(`${path}/`));
    else if (name.endsWith(".ts")) files.push(path);
  }
  return files;
}
