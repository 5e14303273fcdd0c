import { deepEqual, equal } from "node:assert/strict";
import { clientEnvironment, leadsPast } from "./client_environment.ts";

const SIMPLE = new URL("http://127.0.0.1:4321/simple/");
const NO_FILES = new URL("file:///state/no-files");

Deno.test("pip and uv are led to the proxy, and nowhere else", () => {
  const own: Record<string, string> = {
    PIP_EXTRA_INDEX_URL: "https://extra.example/",
    UV_FIND_LINKS: "/wheels",
    NO_PROXY: "inside.example",
  };
  const { variables, setAside } = clientEnvironment(SIMPLE, NO_FILES, (name) => own[name]);
  deepEqual(setAside, ["PIP_EXTRA_INDEX_URL", "UV_FIND_LINKS"]);
  equal(variables["PIP_INDEX_URL"], SIMPLE.href);
  equal(variables["UV_DEFAULT_INDEX"], SIMPLE.href);
  equal(variables["NO_PROXY"], "inside.example,127.0.0.1");
  const others = Object.entries(variables).filter(([, value]) => value.includes("example"));
  deepEqual(others.map(([name]) => name), ["NO_PROXY", "no_proxy"]);
});

for (
  const [command, option] of [
    ["pip install requests", null],
    ["pip install -i https://x requests", "-i"],
    ["/venv/bin/pip3.11 install --index-url=https://x requests", "--index-url"],
    ["python3 -m pip install --extra-index-url https://x requests", "--extra-index-url"],
    ["python3 -m build -i", null],
    ["pip install -fhttps://x requests", "-f"],
    ["pip install --find-links /x requests", "--find-links"],
    ["pip install --no-index requests", "--no-index"],
    ["uv pip install --default-index=https://x requests", "--default-index"],
    ["uv add --index https://x requests", "--index"],
    ["uv sync --frozen", null],
    ["uv run tool -i", null],
    ["pip install --force-reinstall requests", null],
    ["make -f Makefile", null],
  ] as const
) {
  Deno.test(`leadsPast("${command}") is ${option}`, () => {
    equal(leadsPast(command.split(" ")), option);
  });
}
