/**
 * The policy file, and what it makes of real claims.
 */

import { utf8 } from "@indelible/core";
import { deepEqual, equal, throws } from "node:assert/strict";
import type { Claims } from "./claims.ts";
import { type Found, judgeProvenance } from "./judge.ts";
import { parseProvenancePolicy, ruleFor } from "./policy.ts";

const WORKFLOW = "https://github.com/trailofbits/pypi-attestations/.github/workflows/release.yml";
const PUBLISHED: Claims = {
  kind: "publish",
  issuer: "https://token.actions.githubusercontent.com",
  subject: `${WORKFLOW}@refs/tags/v0.0.19`,
  repository: "https://github.com/trailofbits/pypi-attestations",
  commit: "08802efe1f8e5fec4ad842d6b8ce97656092ee72",
  ref: "refs/tags/v0.0.19",
  workflow: `${WORKFLOW}@refs/tags/v0.0.19`,
  environment: null,
  signed: "2024-12-04T23:14:01.000Z",
};
const BUILT: Claims = { ...PUBLISHED, kind: "build" };

const PUBLISHER = "publisher github repository=trailofbits/pypi-attestations workflow=release.yml";
const BUILDER = "builder github workflow=trailofbits/pypi-attestations/.github/workflows/" +
  "release.yml@refs/tags/* source=trailofbits/pypi-attestations";

function rule(...lines: string[]) {
  const text = ["# comment", "", "project pypi-attestations", ...lines, ""].join("\n");
  return ruleFor(parseProvenancePolicy(utf8(text)), "pypi-attestations")!;
}

const checked = (...claims: Claims[]): Found => ({ kind: "checked", claims, failures: [] });

function verdict(lines: readonly string[], found: Found, logged: Claims | null = null): string {
  const result = judgeProvenance(rule(...lines), found, logged);
  return result.kind === "pass" ? "pass" : result.reason;
}

Deno.test("publish and build provenance by those whom the policy names pass, in place of each other never", () => {
  const publish = ["require publish", PUBLISHER];
  const build = ["require build", BUILDER];
  equal(verdict(publish, checked(PUBLISHED)), "pass");
  equal(verdict(build, checked(BUILT)), "pass");
  equal(verdict(publish, checked(BUILT)), "provenance-missing");
  equal(verdict(build, checked(PUBLISHED)), "provenance-missing");
  const both = ["require publish build", PUBLISHER, BUILDER];
  equal(verdict(both, checked(PUBLISHED, BUILT)), "pass");
  equal(verdict(both, checked(PUBLISHED)), "provenance-missing");
});

Deno.test("provenance that is not there, cannot be had or does not verify is refused", () => {
  const lines = ["require publish", PUBLISHER];
  equal(verdict(lines, { kind: "none" }), "provenance-missing");
  equal(verdict(lines, { kind: "unavailable", why: "503" }), "provenance-unavailable");
  equal(
    verdict(lines, { kind: "checked", claims: [], failures: ["no"] }),
    "provenance-not-verified",
  );
});

Deno.test("each claim of a publisher counts", () => {
  const lines = ["require publish", PUBLISHER];
  const others: Partial<Claims>[] = [
    { issuer: "https://gitlab.com" },
    { repository: "https://github.com/evil/pypi-attestations" },
    { repository: null },
    { workflow: `${WORKFLOW}.evil.yml@refs/tags/v0.0.19` },
    { workflow: `${WORKFLOW}@refs/tags/evil` },
    { workflow: null },
    { ref: null, commit: null },
  ];
  for (const other of others) {
    const found = checked({ ...PUBLISHED, ...other });
    equal(verdict(lines, found), "publisher-not-allowed", JSON.stringify(other));
  }
  // By the commit, where the workflow was started without a ref.
  const byCommit = { workflow: `${WORKFLOW}@${PUBLISHED.commit}`, ref: null };
  equal(verdict(lines, checked({ ...PUBLISHED, ...byCommit })), "pass");
});

Deno.test("an environment must be in the certificate", () => {
  const lines = ["require publish", `${PUBLISHER} environment=pypi`];
  equal(verdict(lines, checked(PUBLISHED)), "publisher-not-allowed");
  equal(verdict(lines, checked({ ...PUBLISHED, environment: "test" })), "publisher-not-allowed");
  equal(verdict(lines, checked({ ...PUBLISHED, environment: "pypi" })), "pass");
});

Deno.test("a builder is trusted for its ref and its source", () => {
  const lines = ["require build", BUILDER];
  const others: Partial<Claims>[] = [
    { subject: `${WORKFLOW}@refs/heads/main` },
    { subject: "https://github.com/evil/x/.github/workflows/release.yml@refs/tags/v1" },
    { repository: "https://github.com/evil/pypi-attestations" },
    { issuer: "https://accounts.google.com" },
  ];
  for (const other of others) {
    equal(verdict(lines, checked({ ...BUILT, ...other })), "builder-not-trusted");
  }
});

Deno.test("the publisher that the log names must be allowed, too", () => {
  equal(verdict([PUBLISHER], { kind: "none" }, PUBLISHED), "pass");
  equal(verdict([PUBLISHER], { kind: "none" }), "pass");
  const evil = { ...PUBLISHED, subject: PUBLISHED.subject.replace("trailofbits", "evil") };
  equal(verdict([PUBLISHER], { kind: "none" }, evil), "publisher-not-allowed");
  const issuer = { ...PUBLISHED, issuer: "https://evil.example" };
  equal(verdict([PUBLISHER], { kind: "none" }, issuer), "publisher-not-allowed");
});

Deno.test("other kinds of publishers", () => {
  const gitlab = "https://gitlab.com/group/sub/project";
  const kinds: [string, Partial<Claims>, Partial<Claims>][] = [
    [
      "gitlab repository=group/sub/project workflow=.gitlab-ci.yml",
      {
        issuer: "https://gitlab.com",
        repository: gitlab,
        workflow: `${gitlab}//.gitlab-ci.yml@refs/heads/main`,
        ref: "refs/heads/main",
      },
      { repository: "https://gitlab.com/group/project" },
    ],
    [
      "google email=a@b.example",
      { issuer: "https://accounts.google.com", subject: "a@b.example" },
      { subject: "c@b.example" },
    ],
    [
      "circleci project=fdd9283f-e619-46af-8f9c-851f7d3e8b2b " +
      "pipeline=8e4f8ab2-8d7c-4827-9f15-de076d6d647f",
      {
        issuer: "https://oidc.circleci.com",
        subject:
          "https://circleci.com/api/v2/projects/fdd9283f-e619-46af-8f9c-851f7d3e8b2b/pipeline-definitions/8e4f8ab2-8d7c-4827-9f15-de076d6d647f",
      },
      { issuer: "https://gitlab.com" },
    ],
    [
      "oidc issuer=https://issuer.example subject=https://code.example/team/*",
      { issuer: "https://issuer.example", subject: "https://code.example/team/x" },
      { subject: "https://code.example/evil/x" },
    ],
  ];
  for (const [line, claims, other] of kinds) {
    const lines = ["require publish", `publisher ${line}`];
    const theirs = { ...PUBLISHED, ...claims };
    equal(verdict(lines, checked(theirs)), "pass", line);
    equal(verdict(lines, checked({ ...theirs, ...other })), "publisher-not-allowed", line);
  }
});

Deno.test("a refusal says who it was and who is allowed", () => {
  const evil = { ...PUBLISHED, repository: "https://github.com/evil/x" };
  deepEqual(judgeProvenance(rule("require publish", PUBLISHER), checked(evil), null), {
    kind: "refuse",
    reason: "publisher-not-allowed",
    detail: "it was published from https://github.com/evil/x, by " +
      "https://token.actions.githubusercontent.com; allowed: github " +
      "repository=trailofbits/pypi-attestations workflow=release.yml",
  });
});

Deno.test("the first section whose globs match a project counts", () => {
  const policy = parseProvenancePolicy(utf8([
    "project Team.One team-two",
    "publisher oidc issuer=i subject=first",
    "project team-* other",
    "publisher oidc issuer=i subject=second",
  ].join("\n")));
  const textOf = (project: string) => ruleFor(policy, project)?.publishers[0]?.text ?? null;
  equal(textOf("team-one"), "oidc issuer=i subject=first");
  equal(textOf("team-three"), "oidc issuer=i subject=second");
  equal(textOf("unknown"), null);
});

Deno.test("errors of the file name the line and the field", () => {
  const cases: [string, RegExp][] = [
    ["", /must have a "project" line/],
    ["require publish", /^SyntaxError: line 1: "require" must stand below a "project"/],
    ["project", /line 1: "project" must name projects/],
    ["project p\nrequires build", /line 2: "requires" must be "project", "require"/],
    ["project p\nrequire", /line 2: "require" must be "publish", "build" or both/],
    ["project p\nrequire signed", /line 2: "require" must be/],
    ["project p\nrequire publish\nrequire build", /line 3: "require" stands twice/],
    ["project p\n", /line 1: "project" must be followed by/],
    ["#\nproject p\nrequire publish", /line 2: "require publish" needs a "publisher"/],
    ["project p\nrequire build", /line 1: "require build" and a "builder" go together/],
    [`project p\n${PUBLISHER}\n${BUILDER}`, /line 1: "require build" and a "builder" go together/],
    ["project p\npublisher", /line 2: "publisher" must be of github, gitlab/],
    ["project p\npublisher svn a=b", /line 2: "publisher" must be of .* not "svn"/],
    ["project p\npublisher github repository=a/b", /line 2: "publisher github" needs "workflow"/],
    ["project p\npublisher github repo=a/b", /line 2: "publisher github" has no field "repo"/],
    ["project p\npublisher google email=", /line 2: "email" must have a value/],
    ["project p\npublisher google email=a@b email=c@d", /line 2: "email" stands twice/],
    ["project p\npublisher github repository=a workflow=r.yml", /line 2: "repository" must be/],
    ["project p\npublisher github repository=a/* workflow=r.yml", /line 2: "repository" must be/],
    ["project p\npublisher github repository=a/b workflow=x/r.yml", /line 2: "workflow" must be/],
    ["project p\nbuilder github workflow=a/b source=a/b", /line 2: "workflow" must be/],
    ["project p\npublisher circleci project=1 pipeline=2", /line 2: "project" must be a UUID/],
  ];
  for (const [text, expected] of cases) {
    throws(() => parseProvenancePolicy(utf8(text)), expected, text);
  }
});
