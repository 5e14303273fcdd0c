import { utf8 } from "@indelible/core";
import { equal, throws } from "node:assert/strict";
import { createHash } from "node:crypto";
import { Publishers } from "./publishers.ts";

const line = (name: string, token = name) =>
  `${name} sha256:${createHash("sha256").update(token).digest("hex")}`;

Deno.test("Publishers.parse() takes names, digests, comments and empty lines", () => {
  const file = `# who may write\n\n${line("ci")}\n  ${line("release-bot")}  \r\n#${line("gone")}\n`;
  const publishers = Publishers.parse(utf8(file));
  equal(publishers.count, 2);
  equal(publishers.ownerOf("ci"), "ci");
  equal(publishers.ownerOf("release-bot"), "release-bot");
  equal(publishers.ownerOf("gone"), null);
  equal(publishers.ownerOf(""), null);
  // The digest is no token, or whoever reads the file could write.
  equal(publishers.ownerOf(line("ci").split(" ")[1]!), null);
});

Deno.test("Publishers.parse() of an empty file lets nobody write", () => {
  equal(Publishers.parse(utf8("")).ownerOf(""), null);
});

Deno.test("Publishers.parse() refuses a malformed line, and names it", () => {
  const digest = line("x").split(" ")[1]!;
  const bad = [
    "ci",
    "ci t0ken",
    `ci ${digest} extra`,
    `ci ${digest.toUpperCase()}`,
    `ci ${digest.slice(0, -1)}`,
    `ci md5:${digest.slice(7)}`,
    digest,
    `${"n".repeat(101)} ${digest}`,
    `n\u00e4me ${digest}`,
    `a\u0000b ${digest}`,
  ];
  for (const text of bad) {
    throws(() => Publishers.parse(utf8(`# one\n${text}\n`)), { name: /Error/, message: /line 2/ });
  }
  throws(() => Publishers.parse(Uint8Array.of(0xff, 0x0a)), SyntaxError);
});

Deno.test("Publishers.parse() refuses a name or a token that stands twice", () => {
  throws(() => Publishers.parse(utf8(`${line("ci", "a")}\n${line("ci", "b")}\n`)), /stands twice/);
  throws(() => Publishers.parse(utf8(`${line("a", "t")}\n${line("b", "t")}\n`)), /stands twice/);
});

Deno.test("Publishers.parse() does not put tokens or digests that it refuses in its message", () => {
  const secret = "s3cret-token-in-the-wrong-place";
  throws(
    () => Publishers.parse(utf8(`ci ${secret}\n`)),
    (error: Error) => !error.message.includes(secret),
  );
});
