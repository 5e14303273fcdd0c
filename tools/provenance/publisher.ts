/**
 * Publishers and builders as a policy names them, and whether a certificate, or
 * the publisher that a log's entry names, is theirs. Pure.
 *
 * A workflow is the same from tag to tag, so its ref is not compared for a
 * publisher; for a builder it is, since another branch is another program.
 *
 * @module
 */

import type { Publisher } from "@indelible/core";
import { parseGlob } from "../proxy/glob.ts";
import type { Claims } from "./claims.ts";

/** One whom a policy allows: a publisher or a builder. */
export interface Signer {
  /** As the policy has it, for messages. */
  readonly text: string;
  /** What keeps a verified certificate from being theirs; `null` when it is. */
  mismatch(claims: Claims): string | null;
  /** Whether it is the publisher that a log's entry names. */
  isLogged(publisher: Publisher): boolean;
}

/** A line's fields by name. */
export type Fields = Readonly<Record<string, string>>;

/** A kind of signer: the fields it has, and how it is made of them. */
export interface SignerKind {
  /** Fields that it must have. */
  readonly required: readonly string[];
  /** Fields that it may have. */
  readonly optional: readonly string[];
  /**
   * Makes it.
   *
   * @throws {SyntaxError} If a field cannot be one, naming it.
   */
  make(fields: Fields, text: string): Signer;
}

const GITHUB = {
  issuer: "https://token.actions.githubusercontent.com",
  host: "https://github.com",
};
const GITLAB = { issuer: "https://gitlab.com", host: "https://gitlab.com" };

/** Who may publish, by the words of a policy. */
export const PUBLISHERS: Readonly<Record<string, SignerKind>> = {
  github: {
    required: ["repository", "workflow"],
    optional: ["environment"],
    make: (fields, text) => {
      const { repository, workflow } = fields;
      checkField("workflow", workflow!, /^[^/@]+\.ya?ml$/, "a file of .github/workflows");
      const prefix = `${GITHUB.host}/${repository}/.github/workflows/${workflow}@`;
      return workflowPublisher(GITHUB, fields, prefix, text);
    },
  },
  gitlab: {
    required: ["repository", "workflow"],
    optional: ["environment"],
    make: (fields, text) => {
      const { repository, workflow } = fields;
      checkField("workflow", workflow!, /^[^@]+\.ya?ml$/, "the path of a pipeline's file");
      return workflowPublisher(GITLAB, fields, `${GITLAB.host}/${repository}//${workflow}@`, text);
    },
  },
  google: {
    required: ["email"],
    optional: [],
    make: ({ email }, text) => {
      checkField("email", email!, /^[^@]+@[^@]+$/, "an address");
      return account("https://accounts.google.com", (subject) => subject === email, text);
    },
  },
  circleci: {
    required: ["project", "pipeline"],
    optional: [],
    make: ({ project, pipeline }, text) => {
      for (const [name, id] of [["project", project], ["pipeline", pipeline]] as const) {
        checkField(name, id!, /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, "a UUID");
      }
      const wanted =
        `https://circleci.com/api/v2/projects/${project}/pipeline-definitions/${pipeline}`;
      return account("https://oidc.circleci.com", (subject) => subject === wanted, text);
    },
  },
  oidc: {
    required: ["issuer", "subject"],
    optional: [],
    make: ({ issuer, subject }, text) => account(issuer!, parseGlob(subject!), text),
  },
};

/** Who may build, by the words of a policy. */
export const BUILDERS: Readonly<Record<string, SignerKind>> = {
  github: builderAt(GITHUB, /^[^/@]+\/[^/@]+\/\.github\/workflows\/[^/@]+\.ya?ml@.+$/),
  gitlab: builderAt(GITLAB, /^[^@]+\/\/[^@]+\.ya?ml@.+$/),
};

function builderAt({ issuer, host }: typeof GITHUB, form: RegExp): SignerKind {
  return {
    required: ["workflow", "source"],
    optional: [],
    make: ({ workflow, source }, text) => {
      const expected = "a workflow's path and ref, such as OWNER/REPO/.github/workflows/F@REF";
      checkField("workflow", workflow!, form, expected);
      checkField("source", source!, REPOSITORY, "a repository, such as OWNER/REPO");
      const isWorkflow = parseGlob(`${host}/${workflow}`);
      return {
        text,
        mismatch: (claims) =>
          claims.issuer !== issuer || !isWorkflow(claims.subject)
            ? `it was built by ${claims.subject}, by ${claims.issuer}`
            // A workflow for all to use builds for all: of whom, the certificate says.
            : claims.repository !== `${host}/${source}`
            ? `it was built from ${
              claims.repository ?? "a source that the certificate leaves open"
            }`
            : null,
        isLogged: () => false,
      };
    },
  };
}

const REPOSITORY = /^[^/@*?]+(?:\/[^/@*?]+)+$/;

function workflowPublisher(
  { issuer, host }: typeof GITHUB,
  { repository, environment }: Fields,
  prefix: string,
  text: string,
): Signer {
  checkField("repository", repository!, REPOSITORY, "a repository, such as OWNER/REPO");
  return {
    text,
    mismatch: (claims) => {
      const { workflow, ref, commit } = claims;
      if (claims.issuer !== issuer || claims.repository !== `${host}/${repository}`) {
        return `it was published from ${claims.repository ?? claims.subject}, by ${claims.issuer}`;
      }
      // The ref is the certificate's own, so that a workflow's name cannot reach into it.
      const isIts = [ref, commit].some((at) => at !== null && workflow === prefix + at);
      if (!isIts) return `it was published by ${workflow ?? claims.subject}`;
      if (environment === undefined || claims.environment === environment) return null;
      return claims.environment === null
        ? "the certificate does not name an environment"
        : `it was published in the environment ${claims.environment}`;
    },
    isLogged: (publisher) =>
      publisher.issuer === issuer && publisher.subject.startsWith(prefix) &&
      publisher.subject.length > prefix.length,
  };
}

function account(issuer: string, isSubject: (subject: string) => boolean, text: string): Signer {
  return {
    text,
    mismatch: (claims) =>
      claims.issuer === issuer && isSubject(claims.subject)
        ? null
        : `it was published by ${claims.subject}, by ${claims.issuer}`,
    isLogged: (publisher) => publisher.issuer === issuer && isSubject(publisher.subject),
  };
}

function checkField(name: string, value: string, form: RegExp, expected: string): void {
  if (!form.test(value)) throw new SyntaxError(`"${name}" must be ${expected}`);
}
