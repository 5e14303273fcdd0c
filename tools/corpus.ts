/**
 * A registry's history, made up from a seed: files in the order they were uploaded,
 * shaped like the real ones of `tests/data`. What `make-corpus` writes, and what
 * benchmarks fill logs with.
 *
 * Of the real releases about one in six is a source archive alone, two in five have
 * one wheel beside it, and the rest have wheels for many Pythons and platforms, fifty
 * on average, which makes 19 of 20 files wheels and names of 57 characters. Real
 * listings say nothing of publishers; here one project in five has one.
 *
 * The same seed gives the same files for ever, the first ones of a long corpus being
 * those of a short one, and no name comes twice.
 *
 * @module
 */

/** A made-up file, as a line of the real data has it. */
export interface CorpusFile {
  /** Its project. */
  readonly project: string;
  /** The identifier. */
  readonly filename: string;
  /** `sha256:<hex>`. */
  readonly checksum: string;
  /** In bytes. */
  readonly size: number;
  /** When it was uploaded, in RFC 3339. */
  readonly uploadTime: string;
  /** Whether its release is withdrawn. */
  readonly yanked: boolean;
  /** Who released it. */
  readonly publisher?: { readonly issuer: string; readonly subject: string };
}

/** How many projects release files at any time: they take turns at random. */
const ACTIVE_PROJECTS = 512;
/** The first upload of the real data, and the longest pause between two releases here. */
const FIRST_UPLOAD = Date.UTC(2006, 11, 2, 2, 7, 43);
const LONGEST_PAUSE = 600_000;

const CONSONANTS = "bcdfghjklmnprstvwyzx";
const VOWELS = "aeiou";
const SUFFIXES = ["", "", "", "-client", "-core", "-utils", "-tools", "-plugin", "-api", "-types"];

/** The most frequent tags of the real wheels. */
const PYTHONS = [
  "cp311-cp311",
  "cp310-cp310",
  "cp39-cp39",
  "cp312-cp312",
  "cp38-cp38",
  "cp313-cp313",
  "cp37-cp37m",
  "pp39-pypy39_pp73",
  "cp314-cp314",
  "pp310-pypy310_pp73",
  "cp314-cp314t",
];
const PLATFORMS = [
  "win_amd64",
  "win32",
  "manylinux_2_17_x86_64.manylinux2014_x86_64",
  "manylinux_2_17_aarch64.manylinux2014_aarch64",
  "macosx_11_0_arm64",
  "musllinux_1_1_x86_64",
  "musllinux_1_1_aarch64",
  "manylinux_2_5_i686.manylinux1_i686",
  "macosx_10_7_x86_64",
  "macosx_10_12_x86_64",
  "manylinux_2_17_ppc64le.manylinux2014_ppc64le",
  "manylinux_2_17_s390x.manylinux2014_s390x",
];
/** Every string of four hexadecimal digits. */
const HEX16 = Array.from({ length: 0x10000 }, (_, n) => n.toString(16).padStart(4, "0"));

/**
 * The files of a corpus, without end.
 *
 * @param seed A whole number from 0 to 2^32-1.
 */
export function* corpus(seed: number): Generator<CorpusFile, never, undefined> {
  const random = new Random(seed);
  let projects = 0;
  const active = Array.from({ length: ACTIVE_PROJECTS }, () => new Project(projects++, random));
  for (let time = FIRST_UPLOAD;; time += random.below(LONGEST_PAUSE)) {
    const turn = random.below(ACTIVE_PROJECTS);
    const project = active[turn]!;
    const uploadTime = new Date(time).toISOString().replace(/\.[0-9]+/, "");
    const yanked = random.below(56) === 0;
    const { publisher } = project;
    for (const filename of project.release(random)) {
      const file = {
        project: project.name,
        filename,
        checksum: checksum(random),
        size: sizeOf(random),
        uploadTime,
        yanked,
      };
      yield publisher ? { ...file, publisher } : file;
    }
    if (project.isFinished) active[turn] = new Project(projects++, random);
  }
}

/** A project, which releases a version after the other. */
class Project {
  readonly name: string;
  readonly publisher: CorpusFile["publisher"];
  readonly #kind: "source" | "pure" | "native";
  readonly #pythons: readonly string[];
  readonly #platforms: readonly string[];
  #releasesLeft: number;
  #version = [0, 1, 0];

  constructor(number: number, random: Random) {
    this.name = nameOf(number) + random.pick(SUFFIXES);
    const subject = `https://code.example/${nameOf(number)}/${this.name}/release.yml`;
    this.publisher = random.below(5) === 0 ? { issuer: "https://ci.example", subject } : undefined;
    const kind = random.below(100);
    this.#kind = kind < 17 ? "source" : kind < 57 ? "pure" : "native";
    this.#pythons = random.some(PYTHONS, 3);
    this.#platforms = random.some(PLATFORMS, 3);
    this.#releasesLeft = 1 + random.below(40);
  }

  get isFinished(): boolean {
    return this.#releasesLeft === 0;
  }

  /** The file names of its next release. */
  *release(random: Random): Generator<string> {
    this.#releasesLeft--;
    const step = random.below(100);
    const [major = 0, minor = 0, patch = 0] = this.#version;
    this.#version = step < 3
      ? [major + 1, 0, 0]
      : step < 25
      ? [major, minor + 1, 0]
      : [major, minor, patch + 1];
    const stem = `${this.name.replaceAll("-", "_")}-${this.#version.join(".")}`;
    if (this.#kind === "pure") yield `${stem}-py3-none-any.whl`;
    if (this.#kind === "native") {
      for (const python of this.#pythons) {
        for (const platform of this.#platforms) yield `${stem}-${python}-${platform}.whl`;
      }
    }
    yield stem + (random.below(16) === 0 ? ".zip" : ".tar.gz");
  }
}

/** A name that no other number has: the number in syllables, at least three. */
function nameOf(number: number): string {
  const base = CONSONANTS.length * VOWELS.length;
  let name = "";
  for (let rest = number + base * base; rest > 0; rest = Math.floor(rest / base)) {
    const syllable = rest % base;
    name += CONSONANTS[syllable % CONSONANTS.length]! +
      VOWELS[Math.floor(syllable / CONSONANTS.length)]!;
  }
  return name;
}

/** From 1 KiB to 32 MiB, small ones and large ones alike. */
function sizeOf(random: Random): number {
  const power = 2 ** (10 + random.below(15));
  return power + random.below(power);
}

function checksum(random: Random): string {
  let hex = "sha256:";
  for (let i = 0; i < 8; i++) {
    const word = random.word();
    hex += HEX16[word >>> 16]! + HEX16[word & 0xffff]!;
  }
  return hex;
}

/** Random numbers that a seed repeats: Chris Doty-Humphrey's sfc32. */
class Random {
  readonly #state: Int32Array;

  constructor(seed: number) {
    this.#state = Int32Array.of(seed, 0x9e3779b9, 0x243f6a88, 1);
    for (let i = 0; i < 16; i++) this.word();
  }

  /** 32 random bits. */
  word(): number {
    const state = this.#state;
    const [a = 0, b = 0, c = 0, counter = 0] = [state[0], state[1], state[2], state[3]];
    const sum = (a + b | 0) + counter | 0;
    state[0] = b ^ b >>> 9;
    state[1] = c + (c << 3);
    state[2] = (c << 21 | c >>> 11) + sum;
    state[3] = counter + 1;
    return sum >>> 0;
  }

  /** A whole number from 0 to below a limit. */
  below(limit: number): number {
    return Math.floor(this.word() / 2 ** 32 * limit);
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }

  /** Some consecutive values, going round, at least `least` and at most all of them. */
  some<T>(values: readonly T[], least: number): T[] {
    const count = least + this.below(values.length - least + 1);
    const start = this.below(values.length);
    return Array.from({ length: count }, (_, i) => values[(start + i) % values.length]!);
  }
}
