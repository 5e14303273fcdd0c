/**
 * What the verifying proxy costs whoever installs: `pip install` of some twenty
 * packages through it and straight, in turns, from the real index and from one on this
 * machine, which serves the same pages and files and is never slower than a disk. Cold:
 * neither pip nor the proxy knows anything, and the proxy has just started. Shared: pip
 * knows nothing, others have asked the proxy before. Warm: both have seen it all.
 *
 * How many percent the proxy costs depends on how far away the registry is; its CPU time
 * does not. A registry in the same machine room is the worst case.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { type PythonClients, requirePythonClients } from "../peers/python.ts";
import { runProgram } from "../programs.ts";
import { Clients, type RunningProxy, startProxy } from "../proxy_fixture.ts";
import { startLog } from "../running_log.ts";
import { inFolder } from "../temporary.ts";
import { type Figure, ratios, Series } from "./figures.ts";
import { NearIndex } from "./near_index.ts";
import { usageOf } from "./usage.ts";

/** What is installed, and what that needs. */
const PACKAGES = ["flask", "requests", "pytest", "rich", "six", "attrs"];
const NEEDED = [
  "blinker",
  "certifi",
  "charset-normalizer",
  "click",
  "idna",
  "iniconfig",
  "itsdangerous",
  "jinja2",
  "markdown-it-py",
  "markupsafe",
  "mdurl",
  "packaging",
  "pluggy",
  "pygments",
  "urllib3",
  "werkzeug",
];
/** For a quick look: they need nothing else. */
const FEW = ["six", "attrs", "idna"];
/** So many percent more. */
const GOALS = { cold: 5, shared: 5, warm: 2 };
type Kind = keyof typeof GOALS;

/** Measures. */
export async function benchProxy(short: boolean): Promise<Figure[]> {
  const python = await requirePythonClients();
  if (!python) return [];
  const figures: Figure[] = [];
  await inFolder(async (folder) => {
    const real = await indexOf(python);
    const wanted = short ? FEW : PACKAGES;
    const projects = short ? FEW : [...PACKAGES, ...NEEDED];
    await Deno.mkdir(join(folder, "log"));
    await using log = await startLog({ folder: join(folder, "log") });
    const imported = await runProgram("import", [
      ...projects.map((name) => `--project=${name}`),
      `--index=${real}`,
      `--log=${log.url}`,
    ], { cwd: folder });
    assert.equal(imported.code, 0, imported.stderr);
    const flags = [`--log=${log.url}`, `--public-key=${log.publicKey}`];
    await using near = short ? null : new NearIndex(real);
    const indices: { from: string; index: string; kinds: readonly Kind[] }[] = [
      { from: "the real index", index: real, kinds: short ? ["cold"] : ["cold", "shared", "warm"] },
    ];
    if (near) {
      indices.push({ from: "one on this machine", index: near.simple, kinds: ["cold", "warm"] });
    }
    for (const { from, index, kinds } of indices) {
      for (const kind of kinds) {
        const what = `${kind} pip install of ${projects.length} packages from ${from}`;
        const parts = { folder, index, flags, python, wanted, what };
        figures.push(...await contest(kind, parts, short ? 2 : 5));
      }
    }
  });
  return figures;
}

interface Parts {
  readonly folder: string;
  readonly index: string;
  readonly flags: readonly string[];
  readonly python: PythonClients;
  /** What is asked for. */
  readonly wanted: readonly string[];
  /** The contest's name. */
  readonly what: string;
}

/** Both ways in turns, each first in every other round. */
async function contest(
  kind: Kind,
  parts: Parts,
  rounds: number,
): Promise<Figure[]> {
  const seconds = { through: new Series(), straight: new Series() };
  const cpu = new Series();
  const clients = new Clients(parts.python, await Deno.makeTempDir({ dir: parts.folder }));
  let kept: RunningProxy | null = null;
  try {
    for (let round = -1; round < rounds; round++) {
      const proxy: RunningProxy = kept ?? await freshProxy(parts);
      if (kind !== "cold") kept = proxy;
      const ways = round % 2 === 0
        ? ["through", "straight"] as const
        : ["straight", "through"] as const;
      for (const way of ways) {
        const simple = way === "through" ? `${proxy.url}simple/` : parts.index;
        const cache = kind === "warm"
          ? `--cache-dir=${join(parts.folder, `cache-${way}`)}`
          : "--no-cache-dir";
        const [start, used] = [performance.now(), usageOf(proxy.pid).cpu];
        const { code, output } = await clients.pip(simple, cache, ...parts.wanted);
        assert.equal(code, 0, output);
        if (round < 0) continue;
        seconds[way].push((performance.now() - start) / 1000);
        if (way === "through") cpu.push(usageOf(proxy.pid).cpu - used);
      }
      if (!kept) await proxy.stop();
    }
  } finally {
    await kept?.stop();
  }
  const ratio = ratios(seconds.through, seconds.straight);
  const goal = 1 + GOALS[kind] / 100;
  return [
    {
      what: `${parts.what}, through the proxy (peer: straight)`,
      ours: seconds.through.measured("s"),
      peer: seconds.straight.measured("s"),
      ratio: ratio.measured("×"),
      goal: `≤ ${goal}×`,
      met: ratio.median <= goal,
    },
    { what: "↳ CPU time of the proxy for it", ours: cpu.measured("s") },
  ];
}

/** A proxy that has asked nobody anything. */
async function freshProxy({ folder, index, flags }: Parts): Promise<RunningProxy> {
  return await startProxy(await Deno.makeTempDir({ dir: folder }), index, flags);
}

/** The index of pip here, with a final slash. */
async function indexOf({ pip }: PythonClients): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", new URL("../../tools/pip_index.ts", import.meta.url).pathname],
    env: { PATH: `${pip.slice(0, pip.lastIndexOf("/"))}:${Deno.env.get("PATH")}` },
  }).output();
  const url = new TextDecoder().decode(stdout).trim();
  return url.endsWith("/") ? url : `${url}/`;
}
