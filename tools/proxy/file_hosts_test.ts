import { equal } from "node:assert/strict";
import { FileHosts, isPublicAddress } from "./file_hosts.ts";

const NAMES: Record<string, string[]> = {
  "files.example": ["203.0.114.7", "2606:4700::1111"],
  "rebound.example": ["203.0.114.7", "127.0.0.1"],
  "private.example": ["10.1.2.3"],
  "metadata.example": ["169.254.169.254"],
};
const resolve = (name: string) => Promise.resolve(NAMES[name] ?? []);

for (
  const [index, url, allowed] of [
    ["https://index.example/simple/", "https://files.example/a", true],
    ["https://index.example/simple/", "https://index.example/a", true],
    ["https://index.example/simple/", "https://index.example:8443/a", true],
    ["https://index.example/simple/", "http://files.example/a", false],
    ["https://index.example/simple/", "http://index.example/a", false],
    ["https://index.example/simple/", "https://user:pw@files.example/a", false],
    ["https://index.example/simple/", "ftp://files.example/a", false],
    ["https://index.example/simple/", "https://private.example/a", false],
    ["https://index.example/simple/", "https://metadata.example/a", false],
    ["https://index.example/simple/", "https://rebound.example/a", false],
    ["https://index.example/simple/", "https://127.0.0.1/a", false],
    ["https://index.example/simple/", "https://2130706433/a", false],
    ["https://index.example/simple/", "https://0x7f.0.0.1/a", false],
    ["https://index.example/simple/", "https://0/a", false],
    ["https://index.example/simple/", "https://169.254.169.254/latest/", false],
    ["https://index.example/simple/", "https://[::1]/a", false],
    ["https://index.example/simple/", "https://[::ffff:127.0.0.1]/a", false],
    ["https://index.example/simple/", "https://[fd00::1]/a", false],
    ["https://index.example/simple/", "https://localhost/a", false],
    ["https://index.example/simple/", "https://inside.example:444/a", true],
    ["https://index.example/simple/", "https://inside.example/a", false],
    ["http://index.example/simple/", "http://files.example/a", true],
    ["http://index.example/simple/", "http://private.example/a", false],
    ["http://127.0.0.1:3141/simple/", "http://127.0.0.1:99/a", true],
    ["http://127.0.0.1:3141/simple/", "https://files.example/a", true],
  ] as const
) {
  Deno.test(`files of ${index} ${allowed ? "may" : "must not"} come from ${url}`, async () => {
    NAMES["localhost"] = ["127.0.0.1"];
    NAMES["inside.example"] = ["10.0.0.1"];
    const hosts = new FileHosts(new URL(index), ["inside.example:444"], resolve);
    equal(await hosts.allow(new URL(url)), allowed);
  });
}

Deno.test("a redirect may not leave https", async () => {
  const hosts = new FileHosts(new URL("http://index.example/simple/"), [], resolve);
  const [plain, secure] = [new URL("http://files.example/"), new URL("https://files.example/")];
  equal(await hosts.allowRedirect(plain, secure), true);
  equal(await hosts.allowRedirect(secure, plain), false);
});

Deno.test("isPublicAddress() knows what is not of the public internet", () => {
  const own =
    "0.0.0.0 10.0.0.1 100.64.0.1 127.0.0.1 169.254.1.1 172.16.0.1 172.31.255.255 192.168.0.1 224.0.0.1 255.255.255.255 :: ::1 ::ffff:10.0.0.1 fe80::1 fc00::1 ff02::1 64:ff9b::a00:1 2002:a00:1:: 2001:0:1::";
  for (const address of own.split(" ")) equal(isPublicAddress(address), false, address);
  for (const address of ["8.8.8.8", "172.32.0.1", "2606:4700::1111", "2a00::1"]) {
    equal(isPublicAddress(address), true, address);
  }
});
