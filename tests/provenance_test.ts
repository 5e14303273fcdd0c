/**
 * Provenance as people meet it: real attestations of real files, behind the proxy
 * with real pip and uv, and offline; and what the log's history warns of.
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { JSON_TYPE } from "../tools/simple/listing.ts";
import { requirePythonClients } from "./peers/python.ts";
import { runProgram } from "./programs.ts";
import { readAsset, SDIST, WHEEL } from "./provenance_assets.ts";
import { Clients, ReplaceableLog, startProxy, trustFlags } from "./proxy_fixture.ts";
import { RealIndex } from "./real_index.ts";
import { type PublishedFile, Registry, sha256Of } from "./registry.ts";
import { inFolder } from "./temporary.ts";

const DOCS = await Deno.readTextFile(new URL("../docs/provenance.md", import.meta.url))
  .catch(() => "");

const CIRCLECI = "project circleci-*\nrequire publish\n" +
  "publisher circleci project=fdd9283f-e619-46af-8f9c-851f7d3e8b2b " +
  "pipeline=8e4f8ab2-8d7c-4827-9f15-de076d6d647f\n";
const WORKFLOW = "trailofbits/pypi-attestations/.github/workflows/release.yml@refs/tags/*";
const GITHUB = "project pypi-attestations\nrequire publish build\n" +
  "publisher github repository=trailofbits/pypi-attestations workflow=release.yml\n" +
  `builder github workflow=${WORKFLOW} source=trailofbits/pypi-attestations\n`;

/** A registry whose files may have provenance, served beside them. */
class AttestingRegistry extends Registry {
  /** Provenance by file name: bytes, or a status. */
  readonly provenance = new Map<string, Uint8Array<ArrayBuffer> | number>();

  override fault = (request: Request) => {
    const [, area, name = ""] = new URL(request.url).pathname.split("/");
    if (area !== "integrity") return null;
    const found = this.provenance.get(decodeURIComponent(name)) ?? 404;
    return typeof found === "number"
      ? new Response(null, { status: found })
      : new Response(found, { headers: { "content-type": "application/json" } });
  };

  /** Publishes a file with provenance. */
  attest(project: string, filename: string, bytes: Uint8Array<ArrayBuffer>): PublishedFile {
    const provenance = `${this.root}/integrity/${filename}`;
    return this.publish(project, filename, bytes, { members: { provenance } });
  }

  /** How often provenance was asked for. */
  get asked(): number {
    return this.requests.filter((request) => request.includes("/integrity/")).length;
  }
}

function loggedAs(filename: string, sha256: string, publisher?: object) {
  return { filename, checksum: `sha256:${sha256}`, ...(publisher && { publisher }) };
}

// deno-lint-ignore no-explicit-any -- what was served, read as the test knows it.
type Page = any;

async function page(proxy: string, project: string): Promise<Page> {
  const headers = { accept: JSON_TYPE };
  return await (await fetch(`${proxy}simple/${project}/`, { headers })).json();
}

async function why(proxy: string, file: string): Promise<string> {
  return await (await fetch(`${proxy}why/${file}`)).text();
}

Deno.test("a policy requires publish provenance: pip and uv install a file that has it, and no other", async (t) => {
  const python = await requirePythonClients();
  if (!python) return;
  await inFolder(async (folder) => {
    await using registry = new AttestingRegistry();
    const project = "circleci-sign-publish-example";
    registry.attest(project, WHEEL.filename, await readAsset(WHEEL.filename));
    const genuine = await readAsset(`${WHEEL.filename}.provenance`);
    registry.provenance.set(WHEEL.filename, genuine);
    registry.publishWheel("other", "1.0");
    await using log = await ReplaceableLog.start(
      [...registry.files.values()].map(({ filename, bytes }) =>
        loggedAs(filename, sha256Of(bytes))
      ),
    );
    await Deno.writeTextFile(`${folder}/provenance.policy`, CIRCLECI);
    const flags = [
      ...await trustFlags(folder, log),
      "--provenance-policy=provenance.policy",
    ];
    const clients = new Clients(python, folder);
    const pinned = `${project}==0.0.1.dev137`;

    // Each step starts with nothing kept.
    const behind = async (
      name: string,
      file: string,
      test: (simple: string, root: string) => Promise<void>,
    ) => {
      await t.step(name, async () => {
        await using proxy = await startProxy(folder, registry.simple, [
          ...flags,
          `--cache-dir=cache-${file}`,
        ]);
        await test(`${proxy.url}simple/`, proxy.url);
      });
    };
    const refused = async (simple: string, reason: string) => {
      const url = `http://127.0.0.1:8082/refused/${reason}/${WHEEL.filename}`;
      const quotes = [
        `ERROR: HTTP error 403 while getting ${url}`,
        `error: Failed to fetch: ${url}`,
      ];
      for (const [i, installed] of (await clients.both(simple, pinned)).entries()) {
        const { code, output, files } = installed;
        ok(code !== 0 && files.length === 0, output);
        ok(output.replaceAll(/\s+/g, " ").includes(quotes[i]!), output);
        if (reason === "provenance-not-verified") ok(DOCS.includes(quotes[i]!), quotes[i]);
      }
      ok(DOCS.includes(`\`${reason}\``), `docs/provenance.md must explain ${reason}`);
    };

    await behind("genuine", "good", async (simple, root) => {
      for (const { code, output, files } of await clients.both(simple, pinned)) {
        equal(code, 0, output);
        ok(files.includes("circleci_sign_publish_example"), output);
      }
      match(await why(root, WHEEL.filename), /provenance {5}publish provenance by https:\/\/circ/);
      // Fetched once; not for a project that the policy does not name.
      equal(registry.asked, 1);
      equal(
        (await page(root, "other")).files[0].url,
        registry.root + "/files/other-1.0-py3-none-any.whl",
      );
      equal(registry.asked, 1);
    });

    await behind(
      "kept for the next time, when the registry has it no more",
      "good",
      async (simple) => {
        registry.provenance.set(WHEEL.filename, 503);
        for (const { code, output } of await clients.both(simple, pinned)) equal(code, 0, output);
      },
    );

    await behind("the registry cannot serve it", "gone", async (simple, root) => {
      await refused(simple, "provenance-unavailable");
      match(await why(root, WHEEL.filename), /because {8}http:.* answers 503/);
    });

    await behind("changed", "changed", async (simple, root) => {
      const text = new TextDecoder().decode(genuine);
      const { statement } = JSON.parse(text).attestation_bundles[0].attestations[0].envelope;
      // As if it were about a later release.
      const other = btoa(atob(statement).replace("dev137", "dev138"));
      const bytes = new TextEncoder().encode(text.replace(statement, other));
      registry.provenance.set(WHEEL.filename, bytes);
      await refused(simple, "provenance-not-verified");
      match(
        await why(root, WHEEL.filename),
        /because {8}the transparency log's entry is of another/,
      );
    });

    await behind("somebody else's", "else", async (simple) => {
      registry.provenance.set(WHEEL.filename, genuine);
      const other = CIRCLECI.replace("fdd9283f", "00000000");
      await Deno.writeTextFile(`${folder}/provenance.policy`, other);
      // The proxy that runs has the policy of its start.
      await using proxy = await startProxy(folder, registry.simple, [...flags, "--cache-dir=x"]);
      await refused(`${proxy.url}simple/`, "publisher-not-allowed");
      await Deno.writeTextFile(`${folder}/provenance.policy`, CIRCLECI);
      equal((await clients.pip(simple, pinned)).code, 0);
    });

    await behind("missing, malformed, huge, or at another host", "malformed", async (_, root) => {
      const file = registry.file(WHEEL.filename);
      const listed = `${registry.root}/integrity/${WHEEL.filename}`;
      const cases: [string | null, Uint8Array<ArrayBuffer> | number, string][] = [
        [null, genuine, "provenance-missing"],
        [`${listed}?1`, 404, "provenance-missing"],
        [`${listed}?2`, new TextEncoder().encode('{"version":1}'), "provenance-not-verified"],
        [`${listed}?3`, new Uint8Array(2 << 20), "provenance-unavailable"],
        ["http://127.0.0.2/", genuine, "provenance-unavailable"],
        ["provenance", genuine, "provenance-unavailable"],
      ];
      for (const [provenance, served, reason] of cases) {
        file.members = { ...file.members, provenance };
        registry.provenance.set(WHEEL.filename, served);
        const [{ url }] = (await page(root, project)).files;
        equal(url, `../../refused/${reason}/${WHEEL.filename}`, `${provenance}`);
      }
    });
  });
});

Deno.test("build provenance must be by a trusted builder, and the log's publisher allowed", () =>
  inFolder(async (folder) => {
    await using registry = new AttestingRegistry();
    const file = registry.attest("pypi-attestations", SDIST.filename, new Uint8Array(1));
    file.sha256 = SDIST.sha256;
    const published = JSON.parse(
      new TextDecoder().decode(await readAsset(`${SDIST.filename}.provenance`)),
    );
    const built = JSON.parse(
      new TextDecoder().decode(await readAsset(`${SDIST.filename}.slsa.attestation`)),
    );
    published.attestation_bundles[0].attestations.push(built);
    const both = new TextEncoder().encode(JSON.stringify(published));
    registry.provenance.set(SDIST.filename, both);
    const publisher = {
      issuer: "https://token.actions.githubusercontent.com",
      subject:
        "https://github.com/trailofbits/pypi-attestations/.github/workflows/release.yml@refs/tags/v0.0.19",
    };
    await using log = await ReplaceableLog.start([
      loggedAs(SDIST.filename, SDIST.sha256, publisher),
    ]);
    const trust = await trustFlags(folder, log);
    const verdict = async (name: string, policy: string): Promise<[string, string]> => {
      await Deno.writeTextFile(`${folder}/${name}`, policy);
      await using proxy = await startProxy(folder, registry.simple, [
        ...trust,
        `--provenance-policy=${name}`,
        `--cache-dir=cache-${name}`,
      ]);
      const [{ url }] = (await page(proxy.url, "pypi-attestations")).files;
      return [url, await why(proxy.url, SDIST.filename)];
    };
    const [url, story] = await verdict("good", GITHUB);
    equal(url, `${registry.root}/files/${SDIST.filename}`);
    match(story, /provenance {5}the log names an allowed publisher/);
    match(story, /provenance {5}publish provenance by https:\/\/github\.com\/trailofbits/);
    match(story, /provenance {5}build provenance by https:\/\/github\.com\/trailofbits/);
    const heads = GITHUB.replace("@refs/tags/*", "@refs/heads/*");
    const [untrusted, told] = await verdict("heads", heads);
    equal(untrusted, `../../refused/builder-not-trusted/${SDIST.filename}`);
    match(
      told,
      /because {8}it was built by https:.*@refs\/tags\/v0\.0\.19, by .*; allowed: github/,
    );
    ok(DOCS.includes("`builder-not-trusted`"));
    const others = "project pypi-*\npublisher google email=a@b.example\n";
    const [other, because] = await verdict("others", others);
    equal(other, `../../refused/publisher-not-allowed/${SDIST.filename}`);
    match(because, /because {8}the log names the publisher https:\/\/github\.com\/trailofbits/);
  }));

Deno.test("the log's history warns of a new publisher, on a new machine, and --strict refuses", async () => {
  const python = await requirePythonClients();
  if (!python) return;
  await inFolder(async (folder) => {
    await using registry = new Registry();
    const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString();
    const release = (project: string, version: string, ago: number) =>
      registry.publishWheel(project, version, { members: { "upload-time": day(ago) } });
    const by = (subject: string) => ({ issuer: "https://token.example", subject });
    const ours = by("https://code.example/team/one/release.yml@refs/tags/v1");
    const entries = [];
    for (const [project, newest] of [["taken", by("thief")], ["bare", undefined]] as const) {
      for (const [i, version] of ["1.0", "1.1", "1.2"].entries()) {
        const { filename, bytes } = release(project, version, 400 - i);
        entries.push(loggedAs(filename, sha256Of(bytes), ours));
      }
      const { filename, bytes } = release(project, "1.3", 1);
      entries.push(loggedAs(filename, sha256Of(bytes), newest));
    }
    for (const [version, ago] of [["1.0", 2000], ["1.1", 1]] as const) {
      const { filename, bytes } = release("asleep", version, ago);
      entries.push(loggedAs(filename, sha256Of(bytes)));
    }
    await using log = await ReplaceableLog.start(entries);
    const flags = await trustFlags(folder, log);
    const clients = new Clients(python, folder);
    const expected = [
      ["taken", "1.3", "publisher-changed", "its publisher is thief, by https://token.example"],
      ["bare", "1.3", "provenance-disappeared", "its entry names no publisher, after 3 releases"],
      ["asleep", "1.1", "first-release-in-years", "the first release in 5 years"],
    ] as const;
    await using proxy = await startProxy(folder, registry.simple, flags);
    for (const [project, version, , text] of expected) {
      for (const { code, output } of await clients.both(`${proxy.url}simple/`, project)) {
        equal(code, 0, output);
      }
      const file = `${project}-${version}-py3-none-any.whl`;
      ok(proxy.output().includes(`proxy: warning: ${file}: ${text}`), proxy.output());
      ok((await why(proxy.url, file)).includes(`warning        ${text}`));
    }
    const { warnings } = await (await fetch(`${proxy.url}status`)).json();
    equal(warnings.length, 3);
    const run = await runProgram("run", [
      ...flags,
      `--upstream=${registry.simple}`,
      "--state-dir=new",
      "--cache-dir=new",
      "--",
      python.pip,
      "download",
      "--no-deps",
      "taken",
    ], { cwd: folder, env: { PIP_FIND_LINKS: "" } });
    equal(run.code, 0, run.stderr);
    const warning = /^run: warning: taken-1\.3-py3-none-any\.whl: its publisher is thief.*$/m;
    match(run.stderr, warning);
    ok(DOCS.includes(warning.exec(run.stderr)![0]), "docs/provenance.md must quote it");

    await using strict = await startProxy(folder, registry.simple, [...flags, "--strict"]);
    for (const [project, version, reason] of expected) {
      const file = `${project}-${version}-py3-none-any.whl`;
      for (const { code, output, files } of await clients.both(`${strict.url}simple/`, project)) {
        ok(code !== 0 && files.length === 0, output);
        ok(output.replaceAll(/\s+/g, " ").includes(`/refused/${reason}/${file}`), output);
      }
      // The release before it stays.
      equal((await clients.pip(`${strict.url}simple/`, `${project}==1.0`)).code, 0);
      ok(DOCS.includes(`\`${reason}\``), `docs/provenance.md must explain ${reason}`);
    }
  });
});

Deno.test("provenance is checked offline, with a policy and without, as text and JSON", () =>
  inFolder(async (folder) => {
    await Deno.writeFile(`${folder}/${WHEEL.filename}`, await readAsset(WHEEL.filename));
    const provenance = `${WHEEL.filename}.provenance`;
    await Deno.writeFile(`${folder}/${provenance}`, await readAsset(provenance));
    await Deno.writeTextFile(`${folder}/good.policy`, CIRCLECI);
    await Deno.writeTextFile(`${folder}/bad.policy`, CIRCLECI.replace("fdd9283f", "00000000"));
    await Deno.writeTextFile(`${folder}/typo.policy`, CIRCLECI.replace("require", "requires"));
    const run = (...args: string[]) =>
      runProgram("provenance", [WHEEL.filename, ...args], { cwd: folder });
    const plain = await run();
    equal(plain.code, 0, plain.stderr);
    match(plain.stdout, /: verified\n.*\n {2}published {2}by https:\/\/circleci\.com/);
    match(plain.stdout, /policy {5}none: whether to trust them is yours to say/);
    const good = await run("--provenance-policy=good.policy", "--json");
    equal(good.code, 0, good.stderr);
    const { verified, accepted, claims } = JSON.parse(good.stdout);
    deepEqual([verified, accepted, claims.length], [true, true, 1]);
    const bad = await run("--provenance-policy=bad.policy");
    equal(bad.code, 1);
    match(bad.stderr, /is NOT accepted: publisher-not-allowed: it was published by https:\/\/circ/);
    const typo = await run("--provenance-policy=typo.policy");
    equal(typo.code, 1);
    match(typo.stderr, /--provenance-policy typo\.policy: line 2: "requires" must be/);
    const root = new URL("../tools/provenance/trusted_root.json", import.meta.url);
    const ended = JSON.parse(await Deno.readTextFile(root));
    for (const { publicKey } of ended.tlogs) publicKey.validFor.end = "2024-01-01T00:00:00Z";
    await Deno.writeTextFile(`${folder}/ended.json`, JSON.stringify(ended));
    const old = await run("--trusted-root=ended.json");
    equal(old.code, 1);
    match(old.stderr, /is NOT verified: the transparency log did not sign for this entry/);
    await Deno.writeTextFile(`${folder}/${WHEEL.filename}`, "tampered", { append: true });
    const tampered = await run("--json");
    equal(tampered.code, 1);
    match(JSON.parse(tampered.stdout).failures[0], /the statement is about other bytes/);
    for (const flags of [["--tofu", "--strict"], ["--tofu", "--trusted-root=ended.json"]]) {
      const wrong = await runProgram("proxy", ["--upstream=http://127.0.0.1:9/", ...flags], {
        cwd: folder,
      });
      equal(wrong.code, 2, wrong.stderr);
    }
  }));

Deno.test("the attestations here are those of a distribution that the real index serves, of a file that it serves", async () => {
  const python = await requirePythonClients();
  if (!python) return;
  await inFolder(async (folder) => {
    await using index = await RealIndex.open(python.pip);
    const project = new URL("pypi-attestations/", index.real);
    const listing = await (await fetch(project, { headers: { accept: JSON_TYPE } })).json();
    const download = async (filename: string) => {
      const { url } = listing.files.find((file: Page) => file.filename === filename);
      const response = await fetch(new URL(url, project));
      await Deno.writeFile(`${folder}/${filename}`, await response.bytes());
      return `${folder}/${filename}`;
    };
    const holder = await download("pypi_attestations-0.0.30.tar.gz");
    const { success } = await new Deno.Command("tar", {
      args: ["xzf", holder, "-C", folder, "--strip-components=3", "--wildcards", "*/test/assets/*"],
    }).output();
    ok(success);
    const attestations = [`${SDIST.filename}.provenance`, `${SDIST.filename}.slsa.attestation`];
    for (const name of attestations) {
      deepEqual(await Deno.readFile(`${folder}/${name}`), await readAsset(name));
    }
    await download(SDIST.filename);
    await Deno.writeTextFile(`${folder}/policy`, GITHUB);
    const { code, stdout, stderr } = await runProgram("provenance", [
      SDIST.filename,
      `--attestation=${attestations.join(",")}`,
      "--provenance-policy=policy",
    ], { cwd: folder });
    equal(code, 0, stderr);
    match(stdout, /accepted by the policy/);
    match(stdout, /published {2}by https:\/\/github\.com\/trailofbits\/pypi-attestations/);
    match(stdout, /built {6}by https:\/\/github\.com\/trailofbits\/pypi-attestations/);
  });
});
