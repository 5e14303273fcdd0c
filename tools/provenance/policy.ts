/**
 * The provenance policy: which publishers and builders the consumer trusts for
 * which projects, in a file of lines. Pure.
 *
 * ```text
 * project pypi-attestations
 * require publish build
 * publisher github repository=trailofbits/pypi-attestations workflow=release.yml
 * builder github workflow=trailofbits/pypi-attestations/.github/workflows/release.yml@refs/tags/*
 *   source=trailofbits/pypi-attestations
 * ```
 *
 * (`builder` and its `source=` are one line.) A section starts with `project`
 * and holds for the projects that its globs match; the first that matches counts.
 * `docs/provenance.md` spells it out.
 *
 * @module
 */

import { excerpt, normalizeProject, parseUtf8 } from "@indelible/core";
import { type Glob, parseGlob } from "../proxy/glob.ts";
import type { PredicateKind } from "./claims.ts";
import { BUILDERS, PUBLISHERS, type Signer, type SignerKind } from "./publisher.ts";

/** What a policy says of some projects. */
export interface Rule {
  /** As the policy names them, for messages. */
  readonly projects: string;
  /** Whether a project is one of them, by its normalised name. */
  readonly matches: Glob;
  /** Provenance that their files must have. */
  readonly required: ReadonlySet<PredicateKind>;
  /** Who may publish them; anyone when empty. */
  readonly publishers: readonly Signer[];
  /** Who may build them. */
  readonly builders: readonly Signer[];
}

/** A parsed policy. */
export interface ProvenancePolicy {
  /** Its sections, in order. */
  readonly rules: readonly Rule[];
}

/** What the policy says of a project, by its normalised name; `null` for nothing. */
export function ruleFor({ rules }: ProvenancePolicy, project: string): Rule | null {
  return rules.find(({ matches }) => matches(project)) ?? null;
}

interface Section {
  readonly line: number;
  readonly projects: string;
  readonly globs: readonly Glob[];
  required: Set<PredicateKind> | null;
  readonly publishers: Signer[];
  readonly builders: Signer[];
}

/**
 * Parses a policy.
 *
 * @param bytes UTF-8; lines that start with `#` are comments.
 * @throws {SyntaxError} Naming the line and the field.
 */
export function parseProvenancePolicy(bytes: Uint8Array): ProvenancePolicy {
  const sections: Section[] = [];
  for (const [i, whole] of parseUtf8(bytes).split("\n").entries()) {
    const line = whole.trim();
    if (line === "" || line.startsWith("#")) continue;
    const [keyword, ...words] = line.split(/[ \t]+/);
    try {
      read(keyword!, words, i + 1, sections);
    } catch (error) {
      throw atLine(i + 1, (error as Error).message);
    }
  }
  if (sections.length === 0) throw new SyntaxError('it must have a "project" line');
  return { rules: sections.map(ruleOf) };
}

function read(keyword: string, words: string[], line: number, sections: Section[]): void {
  if (keyword === "project") {
    sections.push(sectionOf(words, line));
    return;
  }
  const section = sections.at(-1);
  if (!["require", "publisher", "builder"].includes(keyword)) {
    throw new SyntaxError(
      `"${excerpt(keyword)}" must be "project", "require", "publisher" or "builder"`,
    );
  }
  if (!section) throw new SyntaxError(`"${keyword}" must stand below a "project"`);
  if (keyword === "publisher") section.publishers.push(signerOf(keyword, PUBLISHERS, words));
  else if (keyword === "builder") section.builders.push(signerOf(keyword, BUILDERS, words));
  else {
    if (section.required) throw new SyntaxError('"require" stands twice for these projects');
    section.required = requiredOf(words);
  }
}

function sectionOf(words: readonly string[], line: number): Section {
  if (words.length === 0) throw new SyntaxError('"project" must name projects, or globs over them');
  return {
    line,
    projects: words.join(" "),
    globs: words.map((word) => parseGlob(normalizeProject(word))),
    required: null,
    publishers: [],
    builders: [],
  };
}

function requiredOf(words: readonly string[]): Set<PredicateKind> {
  if (words.length === 0 || words.some((word) => word !== "publish" && word !== "build")) {
    throw new SyntaxError('"require" must be "publish", "build" or both');
  }
  return new Set(words as PredicateKind[]);
}

function signerOf(
  keyword: string,
  kinds: Readonly<Record<string, SignerKind>>,
  [word = "", ...words]: readonly string[],
): Signer {
  const names = Object.keys(kinds);
  if (!Object.hasOwn(kinds, word)) {
    throw new SyntaxError(`"${keyword}" must be of ${names.join(", ")}, not "${excerpt(word)}"`);
  }
  const kind = kinds[word]!;
  const fields: Record<string, string> = {};
  for (const field of words) {
    const at = field.indexOf("=");
    const name = at > 0 ? field.slice(0, at) : field;
    if (![...kind.required, ...kind.optional].includes(name)) {
      throw new SyntaxError(`"${keyword} ${word}" has no field "${excerpt(name)}"`);
    }
    if (Object.hasOwn(fields, name)) throw new SyntaxError(`"${name}" stands twice`);
    const value = at > 0 ? field.slice(at + 1) : "";
    if (value === "") throw new SyntaxError(`"${name}" must have a value: ${name}=…`);
    fields[name] = value;
  }
  const missing = kind.required.find((name) => fields[name] === undefined);
  if (missing) throw new SyntaxError(`"${keyword} ${word}" needs "${missing}"`);
  return kind.make(fields, [word, ...words].join(" "));
}

function ruleOf({ line, projects, globs, required, publishers, builders }: Section): Rule {
  const needs: ReadonlySet<PredicateKind> = required ?? new Set();
  if (needs.size === 0 && publishers.length === 0) {
    throw atLine(line, '"project" must be followed by "require" or "publisher"');
  }
  // Whom to trust is the consumer's to say: provenance by anyone proves nothing.
  if (needs.has("publish") && publishers.length === 0) {
    throw atLine(line, '"require publish" needs a "publisher" below this "project"');
  }
  if (needs.has("build") !== builders.length > 0) {
    throw atLine(line, '"require build" and a "builder" go together below this "project"');
  }
  const matches = (project: string) => globs.some((glob) => glob(project));
  return { projects, matches, required: needs, publishers, builders };
}

function atLine(line: number, why: string): SyntaxError {
  return new SyntaxError(`line ${line}: ${why}`);
}
