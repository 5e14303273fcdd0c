/**
 * What the verifying proxy costs whoever installs: `pip install` of some twenty
 * packages of the real index through it and straight, in turns. Cold: neither pip
 * nor the proxy knows anything. Shared: pip knows nothing, others have asked the proxy
 * before. Warm: both have seen it all.
 *
 * Most of the time is pip's and the network's; the proxy's own share shows in its
 * CPU time.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { type PythonClients, requirePythonClients } from "../peers/python.ts";
import { runProgram } from "../programs.ts";
import { Clients, type RunningProxy, startProxy } from "../proxy_fixture.ts";
import { startLog } from "../running_log.ts";
import { inFolder } from "../temporary.ts";
import { type Figure, ratios, Series } from "./figures.ts";
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
/** So many percent more. */
const GOALS = { cold: 5, shared: 5, warm: 2 };

/** Measures. */
export async function benchProxy(short: boolean): Promise<Figure[]> {
  const python = await requirePythonClients();
  if (!python) return [];
  const figures: Figure[] = [];
  await inFolder(async (folder) => {
    const index = await indexOf(python);
    await Deno.mkdir(join(folder, "log"));
    await using log = await startLog({ folder: join(folder, "log") });
    const imported = await runProgram("import", [
      ...[...PACKAGES, ...NEEDED].map((name) => `--project=${name}`),
      `--index=${index}`,
      `--log=${log.url}`,
    ], { cwd: folder });
    assert.equal(imported.code, 0, imported.stderr);
    const flags = [`--log=${log.url}`, `--public-key=${log.publicKey}`];
    for (const kind of ["cold", "shared", "warm"] as const) {
      figures.push(...await contest(kind, { folder, index, flags, python }, short ? 2 : 9));
    }
  });
  return figures;
}

interface Parts {
  readonly folder: string;
  readonly index: string;
  readonly flags: readonly string[];
  readonly python: PythonClients;
}

/** Both ways in turns, each first in every other round. */
async function contest(
  kind: keyof typeof GOALS,
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
        const { code, output } = await clients.pip(simple, cache, ...PACKAGES);
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
  const count = PACKAGES.length + NEEDED.length;
  return [
    {
      what: `${kind} pip install of ${count} packages through the proxy (peer: straight)`,
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
