/**
 * Tries what it is told to and says what it was permitted. Runs as a program with
 * the attempts as its argument, or as a worker with them as its message.
 */

/** What to try: the kind of access, and what for. */
export type Attempt = readonly [kind: string, target: string];

const TRIES: Readonly<Record<string, (target: string) => unknown>> = {
  read: (path) => Deno.openSync(path).close(),
  write: (path) => Deno.writeTextFileSync(path, "probe"),
  remove: (path) => Deno.removeSync(path),
  list: (path) => [...Deno.readDirSync(path)],
  connect: async (address) => (await Deno.connect(parse(address))).close(),
  listen: (address) => Deno.listen(parse(address)).close(),
  fetch: async (url) => await (await fetch(url)).body?.cancel(),
  resolve: async (name) => await Deno.resolveDns(name, "A"),
  env: (name) => Deno.env.get(name),
  run: async (program) => await new Deno.Command(program).output(),
  sys: (name) => (Deno as unknown as Record<string, () => unknown>)[name]!(),
  ffi: (path) => Deno.dlopen(path, {}).close(),
  import: async (url) => await import(url),
};

/** The attempts that permissions did not stop; what fails for another reason was permitted. */
async function permitted(attempts: readonly Attempt[]): Promise<string[]> {
  const all: string[] = [];
  for (const [kind, target] of attempts) {
    try {
      await TRIES[kind]!(target);
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) continue;
      // A module that may not be loaded, and what a worker may never do, are refused so.
      if (/Requires|not permitted|permission/i.test(String(error))) continue;
    }
    all.push(`${kind} ${target}`);
  }
  return all;
}

function parse(address: string): { hostname: string; port: number } {
  const colon = address.lastIndexOf(":");
  return { hostname: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}

if (import.meta.main && !("postMessage" in globalThis)) {
  console.log(JSON.stringify(await permitted(JSON.parse(Deno.args[0]!))));
} else {
  const worker = self as unknown as DedicatedWorkerGlobalScope;
  worker.onmessage = async ({ data }: MessageEvent<Attempt[]>) =>
    worker.postMessage(await permitted(data));
}
