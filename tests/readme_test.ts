/**
 * The README's commands, run as written, in a copy of the project: what a
 * newcomer types must work, and end as the README says.
 */

import { equal, match, ok } from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { requirePeer } from "./peers/peers.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const START = "task start";

/** The blocks of a section in one language. */
function blocksOf(readme: string, section: string, language: string): string[] {
  const text = readme.split(/^## /m).find((part) => part.startsWith(section)) ?? "";
  const blocks = text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "gm"));
  return [...blocks].map((block) => block[1]!);
}

/** What an answer that is shown stands for: it is broken into lines, and … is what differs. */
function shownAnswer(block: string): RegExp {
  const line = block.trimEnd().replaceAll("\n ", "").split("…").map(RegExp.escape);
  return new RegExp(line.join('[^"]*'));
}

/** Copies what is, or would be, in a clone. */
async function copyProject(to: string): Promise<void> {
  const { stdout } = await new Deno.Command("git", {
    args: ["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    cwd: ROOT,
  }).output();
  for (const path of new TextDecoder().decode(stdout).split("\0").filter((path) => path)) {
    await Deno.mkdir(join(to, dirname(path)), { recursive: true });
    await Deno.copyFile(join(ROOT, path), join(to, path)).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // Removed, not yet committed.
    });
  }
}

async function shell(script: string, cwd: string): Promise<{ code: number; output: string }> {
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", script],
    cwd,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { code, output: decoder.decode(stdout) + decoder.decode(stderr) };
}

/** The README names a port. Whoever has it gets a minute to let go of it. */
async function waitForPort(port: number): Promise<void> {
  for (let attempt = 0;; attempt++) {
    try {
      return Deno.listen({ hostname: "127.0.0.1", port }).close();
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse) || attempt === 60) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

/** Starts the log and waits until it has told its URL. */
async function startLog(script: string, cwd: string) {
  // A session of its own, so that all it starts can be stopped by one id.
  const child = new Deno.Command("setsid", {
    args: ["bash", "-c", script],
    cwd,
    stdout: "piped",
    stderr: "inherit",
    env: { NO_COLOR: "1" },
  }).spawn();
  let told = "";
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  while (!told.includes("curl http")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`the log did not start: ${told}`);
    told += value;
  }
  return {
    told,
    async stop() {
      await new Deno.Command("kill", { args: ["-TERM", "--", `-${child.pid}`] }).output();
      await child.status;
      await reader.cancel();
    },
  };
}

Deno.test("the README's first commands work as written", async () => {
  if (await requirePeer("npx") === null || await requirePeer("curl") === null) return;
  const folder = await Deno.makeTempDir({ prefix: "indelible-readme-" });
  try {
    await copyProject(folder);
    const readme = await Deno.readTextFile(join(folder, "README.md"));
    const [start = "", ...blocks] = blocksOf(readme, "Try it", "sh");
    const [refusal = ""] = blocksOf(readme, "Try it", "text");
    ok(start.includes(START) && blocks.length >= 4, "README.md starts a log and uses it");
    ok(refusal.includes("…"), "README.md shows the last answer");
    await waitForPort(8080);
    const log = await startLog(start, folder);
    try {
      match(log.told, /^vkey {4}indelible\.local\/[0-9a-f]{8}\+/m);
      const outputs: string[] = [];
      for (const block of blocks) {
        const { code, output } = await shell(block, folder);
        equal(code, 0, `${block}\n${output}`);
        outputs.push(output);
      }
      const all = outputs.join("");
      match(all, /example-1\.0\.tar\.gz: verified/);
      match(all, /all of it is right/);
      match(all, /this file is logged with another digest/);
      match(all, shownAnswer(refusal), "the last answer is as it is shown");
    } finally {
      await log.stop();
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("every command in the README's table exists and has help", async () => {
  const readme = await Deno.readTextFile(join(ROOT, "README.md"));
  const tasks = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json"))).tasks;
  const table = readme.split(/^## Commands/m)[1]!.split(/^## /m)[0]!;
  const names = [...table.matchAll(/^\| `([a-z-]+)/gm)].map((row) => row[1]!);
  ok(names.length >= 10);
  for (const name of names) {
    ok(name in tasks, `${name} is a task`);
    const { code, output } = await shell(
      `${tasks[name].replace(/^deno/, Deno.execPath())} --help`,
      ROOT,
    );
    equal(code, 0, `${name} --help\n${output}`);
    match(output, /usage/i, name);
  }
});
