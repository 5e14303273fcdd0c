import { equal, ok, throws } from "node:assert/strict";
import { parse } from "smol-toml";
import { isInstalled, pipConfig, uninstall, uvConfig } from "./client_config.ts";

const SIMPLE = new URL("http://127.0.0.1:8082/simple/");

const PIP_FILES = {
  "no file": "",
  "another setting": "[global]\ntimeout = 60\n",
  "an index of its own":
    "[global]\nindex-url = https://user:pw@index.example/simple\ntimeout = 60\n",
  "an index in another section, spelled otherwise":
    "[install]\nINDEX_URL: https://a.example\n[list]\nformat = columns\n",
  "an index on the next line": "[global]\nindex-url =\n    https://a.example/simple\ncert = /x\n",
  "no line end at the end": "[list]\nformat = columns",
  "a section without line end": "[global]",
  "an index without line end": "[install]\nindex-url = https://a.example",
  "comments and empty lines":
    "# mine\n\n[global]\n; index-url = old\n\nextra-index-url = https://b.example\n",
  "line ends of Windows": "[global]\r\nindex-url = https://a.example\r\ntimeout = 1\r\n",
};

for (const [what, before] of Object.entries(PIP_FILES)) {
  Deno.test(`pip.conf with ${what}: led to the proxy, and back to the same bytes`, () => {
    const after = pipConfig.install(before, SIMPLE);
    const settings = after.split("\n").filter((line) => /^\s*index[-_]url\s*[=:]/i.test(line));
    equal(settings.join(), "index-url = http://127.0.0.1:8082/simple/");
    const above = after.slice(0, after.indexOf(settings[0]!)).split("\n");
    equal(above.findLast((line) => line.startsWith("["))!.trim(), "[global]");
    ok(isInstalled(after) && !isInstalled(before));
    equal(uninstall(after), before);
    equal(pipConfig.install(after, SIMPLE), after, "a second time changes nothing");
  });
}

const UV_FILES = {
  "no file": "",
  "other settings": 'offline = true\n[pip]\nsystem = true\nindex-url = "https://a.example"\n',
  "an index in the old spelling": 'index-url = "https://a.example"\nnative-tls = true\n',
  "a default index":
    '[[index]]\nurl = "https://a.example"\ndefault = true\n\n[[index]]\nname = "b"\nurl = "https://b.example"\n',
  "no line end at the end": "offline = true",
  "comments":
    '# mine\n[[index]] # this one\nname = "b"\nurl = "https://b.example"\ndefault=true # yes\n# end\n',
};

for (const [what, before] of Object.entries(UV_FILES)) {
  Deno.test(`uv.toml with ${what}: led to the proxy, and back to the same bytes`, () => {
    const after = uvConfig.install(before, SIMPLE);
    // deno-lint-ignore no-explicit-any -- any TOML.
    const config = parse(after) as any;
    // deno-lint-ignore no-explicit-any -- likewise.
    const defaults = config.index.filter((index: any) => index.default);
    equal(JSON.stringify(defaults), JSON.stringify([{ url: SIMPLE.href, default: true }]));
    equal(config["index-url"] ?? config.pip?.["index-url"], undefined);
    equal(uninstall(after), before);
    equal(uvConfig.install(after, SIMPLE), after, "a second time changes nothing");
  });
}

Deno.test("what was edited since the installation stays", () => {
  const installed = pipConfig.install(PIP_FILES["an index of its own"], SIMPLE);
  const edited = `${installed}[list]\nformat = columns\n`;
  equal(uninstall(edited), `${PIP_FILES["an index of its own"]}[list]\nformat = columns\n`);
});

Deno.test("uv.toml that cannot be edited line by line is refused", () => {
  for (
    const text of [
      'index = [{ url = "https://a.example", default = true }]\n',
      "index = 1 1\n",
      'x = """\n[[index]]\ndefault = true\n"""\n',
    ]
  ) throws(() => uvConfig.install(text, SIMPLE), { name: "SyntaxError" }, text);
});

Deno.test("what else leads to files that nobody verifies is named", () => {
  equal(
    pipConfig.leadsPast("[global]\nextra-index-url = a\n[install]\nfind-links: b\n").join(),
    "extra-index-url,find-links",
  );
  equal(
    uvConfig.leadsPast('find-links = ["a"]\n[[index]]\nurl = "https://b.example"\n').join(),
    "find-links,further [[index]] tables",
  );
  equal(uvConfig.leadsPast('[[index]]\nurl = "https://b.example"\ndefault = true\n').join(), "");
});
