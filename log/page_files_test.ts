import { deepEqual, equal, match, ok } from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { inFolder } from "../tests/temporary.ts";
import { PageFiles } from "./page_files.ts";

const request = (headers: Record<string, string> = {}, method = "GET"): Request =>
  new Request("http://log.test/", { headers, method });

function load(folder: string): Promise<PageFiles> {
  return PageFiles.load(pathToFileURL(`${folder}/`));
}

Deno.test("PageFiles fills in the head as text, wherever it stands", () =>
  inFolder(async (folder) => {
    const template = '<b title="{{origin}}">{{origin}}</b>{{size}}{{nothing}}{{toString}}{{ no }}';
    await Deno.writeTextFile(`${folder}/index.html`, template);
    const files = await load(folder);
    ok(files.hasPage);
    const origin = `"><script>alert('1')</script>{{size}}&amp;\`$&$1`;
    const page = files.fill({ origin, size: "7" });
    const answer = page.answer(request());
    const text = await answer.text();
    const escaped = "&#34;&#62;&#60;script&#62;alert(&#39;1&#39;)&#60;/script&#62;" +
      "{{size}}&#38;amp;&#96;$&#38;$1";
    equal(text, `<b title="${escaped}">${escaped}</b>7{{ no }}`);
    equal(answer.headers.get("content-type"), "text/html; charset=utf-8");
    equal(answer.headers.get("cache-control"), "no-store");
    const policy = answer.headers.get("content-security-policy")!;
    match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/);
    ok(!policy.includes("unsafe") && !policy.includes("*") && !policy.includes("http"));
    for (const directive of ["base-uri", "form-action", "frame-ancestors"]) {
      ok(policy.includes(`${directive} 'none'`), directive);
    }
    equal(answer.headers.get("referrer-policy"), "no-referrer");
    equal(answer.headers.get("x-content-type-options"), "nosniff");
    equal(page.answer(request({}, "HEAD")).headers.get("content-security-policy"), policy);
    const etag = answer.headers.get("etag")!;
    equal(page.answer(request({ "If-None-Match": etag })).status, 304);
    equal(files.fill({ origin, size: "8" }).answer(request({ "If-None-Match": etag })).status, 200);
  }));

Deno.test("PageFiles serves the page's files by their names alone", () =>
  inFolder(async (folder) => {
    const script = "console.log(1);".repeat(50);
    await Deno.writeTextFile(`${folder}/index.html`, "x");
    await Deno.writeTextFile(`${folder}/verify.html`, "<p>verify</p>");
    await Deno.writeTextFile(`${folder}/app.0a1b2c3d.js`, script);
    await Deno.writeTextFile(`${folder}/app.css`, "b{}");
    await Deno.writeTextFile(`${folder}/deno.lock`, "{}");
    await Deno.writeTextFile(`${folder}/.hidden.js`, "1");
    await Deno.mkdir(`${folder}/folder.js`);
    await Deno.symlink("/etc/passwd", `${folder}/passwd.txt`);
    const files = await load(folder);
    const get = (name: string, headers?: Record<string, string>, method?: string) =>
      files.answer(request(headers, method), name);

    const hashed = get("app.0a1b2c3d.js")!;
    equal(await hashed.text(), script);
    equal(hashed.headers.get("content-type"), "text/javascript; charset=utf-8");
    equal(hashed.headers.get("cache-control"), "public, max-age=31536000, immutable");
    const styled = get("app.css")!;
    equal(styled.headers.get("cache-control"), "no-cache");
    equal(get("app.css", { "If-None-Match": styled.headers.get("etag")! })!.status, 304);
    const head = get("app.css", {}, "HEAD")!;
    deepEqual([head.status, await head.text(), head.headers.get("content-length")], [200, "", "3"]);
    ok(get("verify.html")!.headers.has("content-security-policy"));

    const zipped = get("app.0a1b2c3d.js", { "Accept-Encoding": "gzip" })!;
    equal(zipped.headers.get("content-encoding"), "gzip");
    equal(zipped.headers.get("vary"), "Accept-Encoding");
    const plain = zipped.body!.pipeThrough(new DecompressionStream("gzip"));
    equal(await new Response(plain).text(), script);
    ok(zipped.headers.get("etag") !== hashed.headers.get("etag"));

    const others = [
      ...["index.html", "deno.lock", ".hidden.js", "folder.js", "passwd.txt", "", ".", ".."],
      ...["../page_files.ts", "%2e%2e/x.js", "app.css/", "APP.css", "app.css\0", "toString"],
    ];
    for (const name of others) equal(get(name), null, name);
  }));

Deno.test("PageFiles of a tree without a built page has none", () =>
  inFolder(async (folder) => {
    const files = await load(`${folder}/none`);
    equal(files.hasPage, false);
    equal(files.answer(request(), "app.css"), null);
  }));
