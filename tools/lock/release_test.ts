import { equal } from "node:assert/strict";
import { isOfRelease, releaseIn } from "./release.ts";
import { isVersion } from "./version.ts";

for (
  const [asked, found, same] of [
    ["1.0", "1.0", true],
    ["1.0", "1.0.0", true],
    ["1.0", "v1", true],
    ["1.0", "1.0.1", false],
    ["1.0", "1.0.post0", false],
    ["1.0-1", "1.0.post1", true],
    ["1.0RC1", "1.0-c.1", true],
    ["1.0a", "1.0a0", true],
    ["1.0alpha1", "1.0a1", true],
    ["1.0", "1.0rc1", false],
    ["1.0.dev1", "1.0-dev1", true],
    ["0!1.0", "1.0", true],
    ["1!1.0", "1.0", false],
    ["01.02", "1.2", true],
    ["1.0", "1.0+cu121", true],
    ["1.0+cu121", "1.0", false],
    ["1.0+CU-121", "1.0+cu.121", true],
    ["1.0+cu121", "1.0+cpu", false],
    ["2004d", "2004d", true],
    ["2004d", "2004e", false],
  ] as const
) {
  Deno.test(`${found} is ${same ? "" : "not "}${asked}`, () =>
    equal(isVersion(asked, found), same));
}

for (
  const [filename, project, version] of [
    ["idna-3.10-py3-none-any.whl", "idna", "3.10"],
    ["idna-3.10-1-py3-none-any.whl", "idna", "3.10"],
    ["Foo_Bar-1.0-py3-none-any.whl", "foo.bar", "1.0"],
    ["idna-3.10.tar.gz", "IDNA", "3.10"],
    ["zope.interface-5.0.tar.gz", "zope-interface", "5.0"],
    ["foo-bar-1.0.zip", "foo-bar", "1.0"],
    ["foo-bar-1.0.zip", "foo", "bar-1.0"],
    ["idna-3.10.tar.gz", "idn", null],
    ["idna-3.10.tar.gz", "other", null],
    ["idna-3.10", "idna", null],
    ["idna-3.10-py3-none.whl", "idna", null],
    ["numpy-1.0.1.dev3460.win32-py2.4.exe", "numpy", "1.0.1.dev3460"],
    ["pip-0.3-py2.5.egg", "pip", "0.3"],
  ] as const
) {
  Deno.test(`${filename} is ${version} of ${project}`, () => {
    equal(releaseIn(filename, project), version);
    equal(isOfRelease(filename, project, null), version !== null);
  });
}
