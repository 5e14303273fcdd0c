import assert from "node:assert/strict";

// What the outside is reached by. The core gets it as arguments instead.
const OUTSIDE = [
  /\bDeno\b/,
  /\bprocess\b/,
  /\bDate\b/,
  /\bperformance\b/,
  /\bTemporal\b/,
  /\bMath\.random\b/,
  /\bgetRandomValues\b/,
  /\brandomUUID\b/,
  /\brandomBytes\b/,
  /\bsetTimeout\b/,
  /\bsetInterval\b/,
  /(?<![#.\w])fetch\(/,
  /\bWebSocket\b/,
  /\bWorker\b/,
  /\bglobalThis\b/,
  /\bimport\.meta\b/,
  /\bimport\(/,
  /\bfrom "node:/,
];

const HERE = new URL(".", import.meta.url);
const read = (file: string) => Deno.readTextFile(new URL(file, HERE));

/** Files with an export path of their own, which may be less pure than the core. */
async function filesApart(): Promise<string[]> {
  const { exports } = JSON.parse(await read("deno.json"));
  return Object.values<string>(exports).map((path) => path.slice("./".length));
}

/** All other files that are no tests. */
async function coreFiles(): Promise<string[]> {
  const apart = await filesApart();
  const files: string[] = [];
  for await (const { name } of Deno.readDir(HERE)) {
    if (!name.endsWith(".ts") || name.endsWith("_test.ts") || name.startsWith("_")) continue;
    if (!apart.includes(name)) files.push(name);
  }
  return files.sort();
}

async function codeOf(file: string): Promise<string> {
  const source = await read(file);
  return source
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/(^|\s)\/\/.*$/gm, "$1");
}

Deno.test("core exports each of its files", async () => {
  const sources = await Promise.all((await filesApart()).map(read));
  for (const file of await coreFiles()) {
    const exported = `export \\S.* from "\\./${file}"`;
    assert.ok(sources.some((source) => new RegExp(exported).test(source)), file);
  }
});

Deno.test("core reaches nothing of the outside", async () => {
  for (const file of await coreFiles()) {
    const code = await codeOf(file);
    for (const outside of OUTSIDE) {
      assert.doesNotMatch(code, outside, `${file} mentions ${outside}`);
    }
  }
});

Deno.test("core imports nothing but itself, hashes and signatures", async () => {
  for (const file of await coreFiles()) {
    for (const [, from] of (await codeOf(file)).matchAll(/ from "([^"]+)"/g)) {
      assert.match(
        from!,
        /^(?:\.\/[a-z0-9_]+\.ts|@noble\/(?:hashes|ed25519|post-quantum)(?:\/[\w-]+\.js)?)$/,
        `${file} imports ${from}`,
      );
      assert.doesNotMatch(from!, /_testing|_native|command/, `${file}: ${from}`);
    }
  }
});
