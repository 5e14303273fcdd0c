import assert from "node:assert/strict";
import { join } from "node:path";
import { programCommand } from "../tests/programs.ts";
import { inFolder } from "../tools/_testing.ts";
import { moduleUrl } from "./programs.ts";

/** The words of a unit's `ExecStart=`. */
function execStart(unit: string): string[] {
  const text = Deno.readTextFileSync(moduleUrl(`./systemd/${unit}`)).replaceAll("\\\n", "");
  return /^ExecStart=(.*)$/m.exec(text)![1]!.split(/ +/);
}

/** What each program may reach: its witnesses, its log's sides, a registry, whom it tells. */
const REACHED: Readonly<Record<string, string>> = {
  log: "127.0.0.1:8080,w1.example:443",
  canary: "publish.log.example.com:8443,log.example.com:443",
  proxy: "registry.example.com:443,log.example.com:443,127.0.0.1:8082",
  monitor: "log.example.com:443,127.0.0.1:8083,hooks.example.com,mail.example.com:465",
};

Deno.test("the units of systemd start programs by flags that they have", () =>
  inFolder(async (folder) => {
    const policy = "log log.example+814a2008+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea\n" +
      "witness W1 w1.example+77c09ea0+BFxZvKqEt22QeRGiFwvl+/Ea2kjZ2BcIm5LWpPc0oNhU " +
      "https://w1.example\nquorum W1\n";
    Deno.writeTextFileSync(join(folder, "policy"), policy);
    const started: string[] = [];
    for (
      const unit of ["log", "canary", "proxy", "monitor"].map((name) => `indelible-${name}.service`)
    ) {
      const words = execStart(unit);
      const launcher = words.findIndex((word) => word.endsWith("/deploy/launch.ts"));
      const [name, ...flags] = words.slice(launcher + 1);
      started.push(name!);
      // As the tasks of deno.json start it, but for what is about the installation.
      const { tasks } = JSON.parse(Deno.readTextFileSync(moduleUrl("../deno.json")));
      const task = tasks[name!].split(" ");
      const mine = words.slice(1, launcher).filter((word) =>
        !/^--(?:cached-only|config=)/.test(word)
      );
      assert.deepEqual(mine, task.slice(1, task.indexOf("deploy/launch.ts")));
      const here = flags.map((flag) => flag.replace("/etc/indelible/", `${folder}/`));
      const command = await programCommand(name!, here, { cwd: folder });
      const net = command.find((word) => word.startsWith("--allow-net="));
      assert.equal(net, `--allow-net=${REACHED[name!]}`);
    }
    assert.deepEqual(started, Object.keys(REACHED));
  }));
