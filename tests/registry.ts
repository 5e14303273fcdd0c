/**
 * A package registry on this machine: real wheels behind a real server that speaks
 * the simple API, in both of its forms, and can be made to misbehave, file by file.
 */

import { strToU8, zipSync } from "fflate";
import { createHash } from "node:crypto";

/** A file as the registry holds it. */
export interface PublishedFile {
  /** Its project, normalised. */
  readonly project: string;
  /** Its name. */
  readonly filename: string;
  /** What is served. */
  bytes: Uint8Array<ArrayBuffer>;
  /** What is listed as its SHA-256, in hex; `null` lists none. */
  sha256: string | null;
  /** Whether it is listed. */
  listed: boolean;
  /** Members of its listing, over those that the registry makes. */
  members: Record<string, unknown>;
  /** Its metadata as served beside it; none is announced without. */
  metadata: string | null;
}

/** What to publish besides a name and bytes. */
export interface PublishOptions {
  /** Members of its listing (PEP 691), over those that the registry makes. */
  readonly members?: Record<string, unknown>;
  /** Metadata to serve beside it (PEP 658). */
  readonly metadata?: string;
}

/** Answers a request in place of the registry, or leaves it to it with `null`. */
export type Fault = (request: Request) => Response | Promise<Response | null> | null;

const JSON_TYPE = "application/vnd.pypi.simple.v1+json";

/** A registry under way. */
export class Registry implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  /** Every file ever published, by its name. */
  readonly files = new Map<string, PublishedFile>();
  /** Paths that were asked for, with the method, oldest first. */
  readonly requests: string[] = [];
  /** In which forms it answers. */
  form: "json" | "html" | "both" = "both";
  /** Misbehaves before anything is answered. */
  fault: Fault = () => null;
  /** Members of every page, over those that the registry makes. */
  pageMembers: Record<string, unknown> = {};

  /** Header fields of every page, besides its type. */
  pageHeaders: Record<string, string> = {};

  /** Starts a registry without files. */
  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#answer(request),
    );
  }

  /** Its root, without a slash at the end. */
  get root(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Its index, as clients and the proxy are given it. */
  get simple(): string {
    return `${this.root}/simple/`;
  }

  /** Publishes bytes under a name. */
  publish(
    project: string,
    filename: string,
    bytes: Uint8Array<ArrayBuffer>,
    options: PublishOptions = {},
  ): PublishedFile {
    const file: PublishedFile = {
      project,
      filename,
      bytes,
      sha256: sha256Of(bytes),
      listed: true,
      members: { "upload-time": "2024-01-01T00:00:00Z", ...options.members },
      metadata: options.metadata ?? null,
    };
    this.files.set(filename, file);
    return file;
  }

  /** Builds a wheel with one module and publishes it. */
  publishWheel(project: string, version: string, options: WheelOptions & PublishOptions = {}) {
    const { filename, bytes } = buildWheel(project, version, options);
    return this.publish(project, filename, bytes, options);
  }

  /** The published files as JSON lines for `import --from`. */
  importLines(): string {
    return [...this.files.values()].map(({ filename, bytes }) =>
      JSON.stringify({ filename, checksum: `sha256:${sha256Of(bytes)}` }) + "\n"
    ).join("");
  }

  /** A file that was published. */
  file(filename: string): PublishedFile {
    const file = this.files.get(filename);
    if (!file) throw new Error(`There is no ${filename} in the registry`);
    return file;
  }

  /** Stops it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    this.requests.push(`${request.method} ${pathname}`);
    const fault = await this.fault(request);
    if (fault) return fault;
    const [, area, name = "", end] = pathname.split("/").map(decodeURIComponent);
    if (area === "simple" && end === "") return this.#page(request, name);
    if (area === "files") return this.#file(name);
    return new Response("there is nothing here", { status: 404 });
  }

  #page(request: Request, project: string): Response {
    const files = [...this.files.values()].filter((file) => file.project === project);
    if (files.length === 0) return new Response("no such project", { status: 404 });
    const listed = files.filter((file) => file.listed);
    const wantsJson = request.headers.get("accept")?.includes(JSON_TYPE) ?? false;
    return this.form === "json" || (this.form === "both" && wantsJson)
      ? new Response(JSON.stringify(this.#json(project, listed)), {
        headers: { "content-type": JSON_TYPE, ...this.pageHeaders },
      })
      : new Response(this.#html(listed), {
        headers: { "content-type": "text/html", ...this.pageHeaders },
      });
  }

  #json(project: string, listed: readonly PublishedFile[]): unknown {
    const versions = new Set(listed.map(({ filename }) => filename.split("-")[1]));
    return {
      meta: { "api-version": "1.1" },
      name: project,
      versions: [...versions],
      files: listed.map(({ filename, bytes, sha256, members, metadata }) => ({
        filename,
        url: `${this.root}/files/${encodeURIComponent(filename)}`,
        hashes: sha256 === null ? {} : { sha256 },
        size: bytes.length,
        ...(metadata !== null && { "core-metadata": { sha256: sha256Of(strToU8(metadata)) } }),
        ...members,
      })),
      ...this.pageMembers,
    };
  }

  #html(listed: readonly PublishedFile[]): string {
    const anchors = listed.map(({ filename, sha256 }) => {
      const fragment = sha256 === null ? "" : `#sha256=${sha256}`;
      return `<a href="/files/${encodeURIComponent(filename)}${fragment}">${filename}</a>`;
    });
    return `<!DOCTYPE html><html><body>${anchors.join("\n")}</body></html>`;
  }

  #file(name: string): Response {
    const file = this.files.get(name);
    if (file) return new Response(file.bytes);
    const metadata = this.files.get(name.replace(/\.metadata$/, ""))?.metadata ?? null;
    return metadata !== null ? new Response(metadata) : new Response("no file", { status: 404 });
  }
}

/** What is in a wheel. */
export interface WheelOptions {
  /** The text of its module. */
  readonly module?: string;
  /** What it requires, as `Requires-Dist` lines say it. */
  readonly requires?: readonly string[];
}

/** Builds a wheel that pip and uv install. */
export function buildWheel(
  project: string,
  version: string,
  { module = `VERSION = "${version}"\n`, requires = [] }: WheelOptions = {},
): { filename: string; bytes: Uint8Array<ArrayBuffer>; metadata: string } {
  const name = project.replaceAll("-", "_");
  const info = `${name}-${version}.dist-info`;
  const metadata = [
    "Metadata-Version: 2.1",
    `Name: ${project}`,
    `Version: ${version}`,
    ...requires.map((requirement) => `Requires-Dist: ${requirement}`),
    "",
  ].join("\n");
  const members: Record<string, string> = {
    [`${name}.py`]: module,
    [`${info}/METADATA`]: metadata,
    [`${info}/WHEEL`]:
      "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
  };
  const record = Object.entries(members).map(([path, text]) => {
    const digest = createHash("sha256").update(text).digest("base64url");
    return `${path},sha256=${digest},${strToU8(text).length}\n`;
  });
  members[`${info}/RECORD`] = `${record.join("")}${info}/RECORD,,\n`;
  const zip = zipSync(
    Object.fromEntries(Object.entries(members).map(([path, text]) => [path, strToU8(text)])),
    { mtime: "2024-01-01T00:00:00Z" },
  );
  return {
    filename: `${name}-${version}-py3-none-any.whl`,
    bytes: zip as Uint8Array<ArrayBuffer>,
    metadata,
  };
}

/** SHA-256 in hex. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
