/**
 * What a user wants to be told of: rules over entries, from flags and from a watch file.
 *
 * ```text
 * # A rule a line: what is looked at, and a pattern.
 * project numpy
 * filename scipy-1.*.whl
 * filename-regex ^torch-[0-9.]+-cp3
 * checksum sha256:5141b5b5*
 * publisher https://issuer.example *
 * guard my-project
 * ```
 *
 * Patterns are globs (`*`, `?`) over the whole value, or, where the name says so, RE2
 * expressions that may match anywhere. Neither takes more time than in proportion to the
 * text, whoever wrote the pattern and whoever wrote the text (fault C10).
 *
 * A rule is plain data, so that the workers, which have no permissions, can be given it.
 *
 * @module
 */

import { type Entry, excerpt, normalizeProject, projectOf } from "@indelible/core";
import { RE2JS } from "re2js";
import { parseGlob } from "../proxy/glob.ts";

/** What rules look at. */
export const RULE_KINDS = [
  "project",
  "filename",
  "checksum",
  "publisher",
  "filename-regex",
  "checksum-regex",
  "publisher-regex",
  "guard",
] as const;

/** What a rule looks at; `guard` is a project of which every entry must be authorised. */
export type RuleKind = typeof RULE_KINDS[number];

/** A rule. */
export interface Rule {
  /** What it looks at. */
  readonly kind: RuleKind;
  /** What that must be. */
  readonly pattern: string;
}

/** What rules see of an entry. */
export type EntryView = Pick<Entry, "ecosystem" | "file" | "publisher" | "package"> & {
  /** The digest, in hexadecimal. */
  readonly sha256: string;
};

/** A rule as it is written in a watch file. */
export function formatRule({ kind, pattern }: Rule): string {
  return `${kind} ${pattern}`;
}

/**
 * Checks a rule.
 *
 * @throws {SyntaxError} If its pattern is not one.
 */
export function parseRule(kind: RuleKind, pattern: string): Rule {
  const rule = { kind, pattern };
  compileRule(rule);
  return rule;
}

/**
 * Parses a watch file.
 *
 * @throws {SyntaxError} If a line is not a rule, naming the line.
 */
export function parseWatchFile(text: string): Rule[] {
  return text.split("\n").flatMap((whole, i) => {
    const line = whole.trim();
    if (line === "" || line.startsWith("#")) return [];
    const [, kind = "", pattern = ""] = /^(\S+)\s*(.*)$/.exec(line) ?? [];
    try {
      if (!isRuleKind(kind)) {
        throw new SyntaxError(
          `"${excerpt(kind)}" is no rule, expected ${RULE_KINDS.join(", ")}`,
        );
      }
      return [parseRule(kind, pattern)];
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new SyntaxError(`line ${i + 1}: ${error.message}`);
    }
  });
}

function isRuleKind(kind: string): kind is RuleKind {
  return (RULE_KINDS as readonly string[]).includes(kind);
}

/** The projects that are followed by name, and not by a pattern: those whose publishers are kept. */
export function namedProjects(rules: readonly Rule[]): ReadonlySet<string> {
  const named = rules.filter(({ kind, pattern }) =>
    kind === "guard" || kind === "project" && !/[*?]/.test(pattern)
  );
  return new Set(named.map(({ pattern }) => normalizeProject(pattern)));
}

/** A test of one rule; the project is derived once for all of them. */
type Test = (view: EntryView, project: string | null) => boolean;

/** Finds the rules that an entry meets. */
export class RuleMatcher {
  readonly #named = new Map<string, Rule[]>();
  readonly #others: { readonly rule: Rule; readonly test: Test }[] = [];
  readonly #needsProject: boolean;

  /** @param rules The rules, each checked before. */
  constructor(rules: readonly Rule[]) {
    for (const rule of rules) {
      const names = namedProjects([rule]);
      // However many projects there are, one look-up finds an entry's.
      for (const name of names) this.#named.set(name, [...this.#named.get(name) ?? [], rule]);
      if (names.size === 0) this.#others.push({ rule, test: compileRule(rule) });
    }
    this.#needsProject = rules.some(({ kind }) => kind === "project" || kind === "guard");
  }

  /** Whether there are rules at all. */
  get isEmpty(): boolean {
    return this.#named.size === 0 && this.#others.length === 0;
  }

  /** Whether an entry meets one of the rules. */
  matches(view: EntryView): boolean {
    const project = this.#projectOf(view);
    return project !== null && this.#named.has(project) ||
      this.#others.some(({ test }) => test(view, project));
  }

  /** All the rules that an entry meets. */
  find(view: EntryView): Rule[] {
    const project = this.#projectOf(view);
    const others = this.#others.filter(({ test }) => test(view, project));
    return [
      ...project === null ? [] : this.#named.get(project) ?? [],
      ...others.map(({ rule }) => rule),
    ];
  }

  #projectOf(view: EntryView): string | null {
    // What the derivation looks at is there.
    return this.#needsProject ? projectOf(view as unknown as Entry) : null;
  }
}

function compileRule({ kind, pattern }: Rule): Test {
  if (pattern === "") throw new SyntaxError(`${kind} needs a pattern`);
  switch (kind) {
    case "project": {
      const glob = parseGlob(normalizeProject(pattern));
      return (_, project) => project !== null && glob(project);
    }
    case "guard": {
      if (/[*?\s/]/.test(pattern)) {
        throw new SyntaxError(`guard takes the name of a project: received "${excerpt(pattern)}"`);
      }
      const name = normalizeProject(pattern);
      return (_, project) => project === name;
    }
    case "filename": {
      const glob = parseGlob(pattern);
      return ({ file }) => glob(file);
    }
    case "checksum": {
      if (!/^(?:sha256:)?(?:[0-9a-f]{64}|(?=.*[*?])[0-9a-f*?]+)$/.test(pattern)) {
        throw new SyntaxError(
          `checksum takes 64 lowercase hexadecimal digits, or fewer with * and ?: received "${
            excerpt(pattern)
          }"`,
        );
      }
      const glob = parseGlob(pattern);
      return ({ sha256 }) => glob(sha256) || glob(`sha256:${sha256}`);
    }
    case "publisher": {
      if (!/[ *]/.test(pattern)) {
        throw new SyntaxError(
          `publisher takes an issuer and a subject with a space between, or a pattern with *: received "${
            excerpt(pattern)
          }"`,
        );
      }
      const glob = parseGlob(pattern);
      return ({ publisher }) => publisher !== undefined && glob(publisherText(publisher));
    }
    case "filename-regex": {
      const regex = compileRegex(kind, pattern);
      return ({ file }) => regex.test(file);
    }
    case "checksum-regex": {
      const regex = compileRegex(kind, pattern);
      return ({ sha256 }) => regex.test(`sha256:${sha256}`);
    }
    case "publisher-regex": {
      const regex = compileRegex(kind, pattern);
      return ({ publisher }) => publisher !== undefined && regex.test(publisherText(publisher));
    }
    default:
      return kind satisfies never;
  }
}

function publisherText({ issuer, subject }: { issuer: string; subject: string }): string {
  return `${issuer} ${subject}`;
}

function compileRegex(kind: RuleKind, pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    throw new SyntaxError(
      `${kind} takes an RE2 expression: received "${excerpt(pattern)}": ${
        (error as Error).message
      }`,
    );
  }
}
