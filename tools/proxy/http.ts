/**
 * The verifying proxy over HTTP.
 *
 * - `GET /simple/<project>/`: the registry's page, every file judged;
 * - `GET /refused/<reason>/<file>`: 403 (424 when it is the registry's answer that cannot be
 *   used), where refused files lead to;
 * - `GET /files/<sha256>/<file>`: a file's bytes, with `--stream` only;
 * - `GET /why/<file>`: the whole story of a file;
 * - `GET /status`: what has been served so far, and under which checkpoint.
 *
 * Of what the log or the registry do, only a registry that cannot be asked now is
 * a 5xx, since pip and uv try those again; for the rest they would only wait for
 * long and hide the reason. What a client sends chooses a project or a file and
 * nothing else: not the host to ask, and no address in the answer (fault P9).
 *
 * @module
 */

import { excerpt, normalizeProject, utf8 } from "@indelible/core";
import { createHash } from "node:crypto";
import { checkProject } from "../package_index.ts";
import { formatJson, HTML_TYPE, JSON_TYPE, type Listing } from "../simple/listing.ts";
import { formatHtml } from "../simple/listing_html.ts";
import { type Reason, REASONS } from "./gate.ts";
import type { PageOutcome, Status } from "./judge_page.ts";
import { refusalPath } from "./page.ts";
import type { Story } from "./story.ts";

/** What answers the requests. */
export interface Desk {
  /** A project's page, judged. */
  page(project: string): Promise<PageOutcome>;
  /** The story of a file; `null` when no project's page has it. */
  why(filename: string): Promise<Story | null>;
  /** Notes that a client ran into a refusal. */
  met(reason: Reason, filename: string): void;
  /** What has been served so far. */
  status(): Status;
}

/** Serves files themselves. */
export interface FileDesk {
  /**
   * Serves a file, or `<file>.metadata`.
   *
   * @param sha256 The digest that its URL names, in hex.
   * @param filename Its name.
   * @param method `GET` or `HEAD`.
   */
  serve(sha256: string, filename: string, method: string): Promise<FileOutcome>;
}

/** What a request for a file gets. */
export type FileOutcome =
  | { readonly kind: "response"; readonly response: Response }
  | { readonly kind: "refused"; readonly reason: Reason; readonly filename: string }
  | { readonly kind: "none" };

/** How the handler behaves. */
export interface HandlerOptions {
  /** Serves files; without one they stay at the registry. */
  readonly files?: FileDesk;
  /** Whether only names of this machine are answered to: no page of another site gets in. */
  readonly loopbackOnly: boolean;
}

const TEXT = "text/plain; charset=utf-8";
const PLAIN_NAME = /^[\x21-\x7e]{1,255}$/;
const SHA256 = /^[0-9a-f]{64}$/;
const LOOPBACK = /^(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])$/;

/** Makes the handler. */
export function proxyHandler(
  desk: Desk,
  { files, loopbackOnly }: HandlerOptions,
): (request: Request) => Promise<Response> {
  return async (request) => {
    const { pathname, search, hostname } = new URL(request.url);
    if (loopbackOnly && !LOOPBACK.test(hostname)) {
      return answer(421, "this proxy answers to names of this machine only");
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      return answer(405, "only GET and HEAD are served here", { allow: "GET, HEAD" });
    }
    const [area, ...rest] = segments(pathname) ?? ["nothing"];
    switch (area) {
      case "simple":
        return await simple(request, desk, rest, pathname, search);
      case "files":
        return await file(request, desk, files, rest);
      case "refused":
        return refused(desk, rest);
      case "why":
        return await why(request, desk, rest);
      case "status":
        return rest.length === 0 ? json(desk.status()) : answer(404, NOTHING);
      case "healthz":
        return answer(200, "ok");
      case "":
        return rest.length === 0 ? answer(200, overview(desk.status())) : answer(404, NOTHING);
      default:
        return answer(404, NOTHING);
    }
  };
}

const NOTHING = "there is nothing here; a package index is at /simple/";

function overview({ projects, files, refused, checkpoint, trouble }: Status): string {
  return [
    "A verifying proxy of a package index: what pip and uv get through it is in a public log.",
    "",
    "  pip install --index-url=<this address>/simple/ <package>",
    "  uv pip install --default-index=<this address>/simple/ <package>",
    "",
    "GET /simple/<project>/  the registry's page, every file judged",
    "GET /why/<file>         why a file passes or is refused",
    "GET /status             the same figures as JSON",
    "",
    `so far: ${projects} projects with ${files} files, ${refused} of them refused`,
    checkpoint ? `log: ${checkpoint.origin}, size ${checkpoint.size}` : "log: not asked yet",
    ...(trouble === null ? [] : [`trouble: ${trouble}`]),
  ].join("\n");
}

/** The decoded parts of a path; `null` for one that tries to be another. */
function segments(pathname: string): string[] | null {
  try {
    const parts = pathname.slice(1).split("/").map(decodeURIComponent);
    return parts.every((part) => part === "" || PLAIN_NAME.test(part)) &&
        !parts.some((part) => /[/\\]|^\.{1,2}$/.test(part))
      ? parts
      : null;
  } catch {
    return null;
  }
}

async function simple(
  request: Request,
  desk: Desk,
  [project = "", end, ...more]: readonly string[],
  pathname: string,
  search: string,
): Promise<Response> {
  if (project === "" || more.length > 0 || (end !== undefined && end !== "")) {
    return answer(404, "pages are at /simple/<project>/ here; there is no list of all projects");
  }
  try {
    checkProject(project);
  } catch (error) {
    return answer(404, (error as Error).message);
  }
  const canonical = `/simple/${normalizeProject(project)}/`;
  if (pathname !== canonical) return answer(301, "", { location: canonical + search });
  const name = normalizeProject(project);
  const outcome = await desk.page(name);
  switch (outcome.kind) {
    case "no-such-project":
      return answer(404, `the registry has no project ${name}`);
    case "trouble":
      // For a while as without us: both clients try again. Else uv prints the URL, with its reason.
      return outcome.passing ? answer(503, outcome.why) : answer(307, outcome.why, {
        location: `../../${refusalPath("registry-answer-unusable", name)}`,
      });
    case "page":
      return page(request, outcome.listing);
    default:
      return outcome satisfies never;
  }
}

function page(request: Request, listing: Listing): Response {
  const accept = request.headers.get("accept") ?? "";
  const wantsJson = prefersJson(accept);
  // Browsers, and clients from before PEP 691, know no other.
  const html = accept.includes(HTML_TYPE) ? HTML_TYPE : "text/html";
  const body = utf8(wantsJson ? formatJson(listing) : formatHtml(listing));
  const etag = `"${createHash("sha256").update(body).digest("hex").slice(0, 32)}"`;
  const headers = {
    "content-type": wantsJson ? JSON_TYPE : `${html}; charset=utf-8`,
    // A refusal must reach a client whose cache has the page from before it.
    "cache-control": "no-cache",
    etag,
    vary: "accept",
  };
  if (request.headers.get("if-none-match") === etag) {
    return new Response(null, { status: 304, headers });
  }
  return new Response(request.method === "HEAD" ? null : body, { headers });
}

/** Whether the JSON form is asked for at least as much as HTML (RFC 9110 §12.5.1). */
export function prefersJson(accept: string): boolean {
  const quality = (...types: string[]) =>
    Math.max(
      0,
      ...accept.split(",").map((range) => {
        const [type = "", ...parameters] = range.split(";").map((part) =>
          part.trim().toLowerCase()
        );
        if (!types.includes(type)) return 0;
        const q = parameters.find((parameter) => parameter.startsWith("q="));
        return q === undefined ? 1 : Number(q.slice(2)) || 0;
      }),
    );
  const html = quality("text/html", HTML_TYPE, "application/vnd.pypi.simple.latest+html");
  const json = quality(JSON_TYPE, "application/vnd.pypi.simple.latest+json");
  return json > 0 && json >= html;
}

async function file(
  request: Request,
  desk: Desk,
  files: FileDesk | undefined,
  [digest = "", name = "", ...more]: readonly string[],
): Promise<Response> {
  if (!files || !SHA256.test(digest) || name === "" || more.length > 0) {
    return answer(404, files ? NOTHING : "files stay at the registry: this proxy has no --stream");
  }
  const outcome = await files.serve(digest, name, request.method);
  switch (outcome.kind) {
    case "response":
      return outcome.response;
    case "refused":
      desk.met(outcome.reason, outcome.filename);
      // Clients print where they ended up.
      return answer(302, REASONS[outcome.reason], {
        location: `../../${refusalPath(outcome.reason, outcome.filename)}`,
      });
    case "none":
      return answer(404, "the registry has no such file");
    default:
      return outcome satisfies never;
  }
}

function refused(
  desk: Desk,
  [reason = "", file = "", ...more]: readonly string[],
): Response {
  if (!Object.hasOwn(REASONS, reason) || file === "" || more.length > 0) {
    return answer(404, "there is no such refusal");
  }
  desk.met(reason as Reason, file);
  return answer(
    // uv takes a 403 of a project for its absence; this one it names, with the URL.
    reason === "registry-answer-unusable" ? 424 : 403,
    `${excerpt(file, 255)} is refused: ${REASONS[reason as Reason]}. The whole story: /why/${
      encodeURIComponent(file)
    }`,
  );
}

async function why(
  request: Request,
  desk: Desk,
  [file = "", ...more]: readonly string[],
): Promise<Response> {
  if (file === "" || more.length > 0) return answer(404, "ask for /why/<file>");
  let story: Story | null;
  try {
    story = await desk.why(file);
  } catch (error) {
    return answer(503, (error as Error).message);
  }
  if (!story) return answer(404, `nothing is known of ${excerpt(file, 255)}`);
  return (request.headers.get("accept") ?? "").includes("application/json")
    ? json(story)
    : answer(200, story.lines.join("\n"));
}

function json(value: unknown): Response {
  return new Response(`${JSON.stringify(value)}\n`, {
    headers: { "content-type": "application/json", "cache-control": "no-store" },
  });
}

function answer(status: number, text: string, headers: Record<string, string> = {}): Response {
  return new Response(text === "" ? null : `${text}\n`, {
    status,
    headers: { "content-type": TEXT, "cache-control": "no-store", ...headers },
  });
}
