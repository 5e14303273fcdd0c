import { deepEqual, equal } from "node:assert/strict";
import { recordedPaths } from "./distribution.ts";
import { likelyWheels, wheelTags } from "./wheel_name.ts";

Deno.test("wheelTags() spreads compressed tags", () => {
  const { build, tags } = wheelTags("a-1.0-2-py2.py3-none-win32.win_amd64.whl")!;
  equal(build, "2");
  deepEqual([...tags], [
    "py2-none-win32",
    "py2-none-win_amd64",
    "py3-none-win32",
    "py3-none-win_amd64",
  ]);
  equal(wheelTags("a-1.0.tar.gz"), null);
  equal(wheelTags("a-1.0-py3-none.whl"), null);
});

Deno.test("likelyWheels() puts the wheel of all tags and the build first", () => {
  const names = [
    "a-1-cp311-cp311-manylinux2014_x86_64.whl",
    "a-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "a-1-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "a-1-cp312-cp312-manylinux2014_x86_64.whl",
  ];
  const tags = new Set([
    "cp311-cp311-manylinux2014_x86_64",
    "cp311-cp311-manylinux_2_17_x86_64",
  ]);
  deepEqual(likelyWheels({ build: "1", tags }, names), [names[2], names[1], names[0]]);
  deepEqual(likelyWheels({ build: null, tags }, names), [names[1], names[2], names[0]]);
  deepEqual(likelyWheels({ build: null, tags: new Set(["py3-none-any"]) }, names), []);
});

Deno.test("recordedPaths() reads the first column of CSV", () => {
  deepEqual(recordedPaths('a.py,sha256=x,1\r\n"b,""c"".py",,\n\nd.py'), [
    "a.py",
    'b,"c".py',
    "d.py",
  ]);
});
