/**
 * An installed distribution, by what its installer left beside it (PEP 376, 427,
 * 610). All of it may have been changed since: it says where to look, and vouches
 * for nothing.
 *
 * @module
 */

import { normalizeProject, parseJson } from "@indelible/core";
import { join } from "node:path";
import { asObject } from "../json_members.ts";
import { filenameOf } from "../lock/lock_file.ts";
import { namesIn } from "./environment.ts";
import type { WheelTags } from "./wheel_name.ts";

/** Where a distribution came from. */
export type Origin =
  | {
    readonly kind: "index";
    /** The wheel that a direct URL named; `null` for any of the release. */
    readonly filename: string | null;
  }
  | {
    readonly kind: "elsewhere";
    /** Where from, as the rest of a sentence: "is editable, …". */
    readonly why: string;
  };

/** An installed distribution. */
export interface Distribution {
  /** The folder that it is in. */
  readonly folder: string;
  /** The name of its `.dist-info` folder. */
  readonly info: string;
  /** The project, normalised. */
  readonly project: string;
  /** Its version. */
  readonly version: string;
  /** Where it came from. */
  readonly origin: Origin;
  /** What its `WHEEL` says; `null` if it has none. */
  readonly wheel: WheelTags | null;
  /** The paths that its `RECORD` lists, relative to the folder. */
  readonly recorded: readonly string[];
}

const NAME = /^(?<project>.+?)-(?<version>[^-]+)\.dist-info$/;

/** The distributions of a folder, by name. */
export async function readDistributions(folder: string): Promise<Distribution[]> {
  const found: Distribution[] = [];
  for (const name of await namesIn(folder)) {
    const named = NAME.exec(name)?.groups;
    if (!named) continue;
    const read = (file: string) => readText(join(folder, name, file));
    const metadata = headers(await read("METADATA") ?? "");
    found.push({
      folder,
      info: name,
      project: normalizeProject(metadata.get("name")?.[0] ?? named["project"]!),
      version: metadata.get("version")?.[0] ?? named["version"]!,
      origin: originOf(await read("direct_url.json")),
      wheel: wheelOf(await read("WHEEL")),
      recorded: recordedPaths(await read("RECORD") ?? ""),
    });
  }
  return found;
}

/** What was installed in a way that leaves no digest behind, by name. */
export async function readOldInstalls(folder: string): Promise<string[]> {
  return (await namesIn(folder)).filter((name) => /\.egg(?:-info|-link)?$/.test(name));
}

async function readText(path: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** The fields of a header block, by lowercase name. */
function headers(text: string): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  for (const line of text.split(/\r?\n/)) {
    if (line === "") break;
    const field = /^([A-Za-z-]+):[ \t]*(.*)$/.exec(line);
    if (!field) continue;
    const name = field[1]!.toLowerCase();
    fields.set(name, [...fields.get(name) ?? [], field[2]!.trim()]);
  }
  return fields;
}

function wheelOf(text: string | null): WheelTags | null {
  if (text === null) return null;
  const fields = headers(text);
  return { build: fields.get("build")?.[0] ?? null, tags: new Set(fields.get("tag") ?? []) };
}

function originOf(text: string | null): Origin {
  if (text === null) return { kind: "index", filename: null };
  try {
    const direct = asObject(parseJson(new TextEncoder().encode(text)), "direct_url.json");
    if (direct["vcs_info"]) return elsewhere("comes from version control");
    if (direct["dir_info"]) {
      const { editable } = asObject(direct["dir_info"], "dir_info");
      return elsewhere(
        editable === true ? "is editable, from a folder" : "was built from a folder",
      );
    }
    const { url } = direct;
    if (typeof url !== "string") return elsewhere("has a direct_url.json without URL");
    const filename = filenameOf(url);
    return filename.endsWith(".whl")
      ? { kind: "index", filename }
      : elsewhere(`was built here from ${filename}`);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return elsewhere("has a direct_url.json that cannot be read");
  }
}

function elsewhere(why: string): Origin {
  return { kind: "elsewhere", why };
}

/** The first column of a RECORD, which is CSV. */
export function recordedPaths(record: string): string[] {
  return record.split(/\r?\n/).flatMap((line) => {
    if (line === "") return [];
    const quoted = /^"((?:[^"]|"")*)"/.exec(line);
    return [quoted ? quoted[1]!.replaceAll('""', '"') : line.slice(0, line.search(/,|$/))];
  });
}
