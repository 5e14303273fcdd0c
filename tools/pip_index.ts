/**
 * The package index that pip is set up with here: `PIP_INDEX_URL`, pip's
 * configuration, else the default that is built into pip, which pip itself is
 * asked for. No registry's name is written in this project.
 *
 * Asking pip means running it, so the launcher runs this module by itself and
 * hands its answer to `import`, which then may run nothing.
 *
 * @module
 */

/** What is run to ask pip; the ones that are missing are passed over. */
export const PIP_PROGRAMS = ["pip", "pip3", "python3", "python"] as const;

/** The variable that names the index to pip, and to `import`. */
export const INDEX_VARIABLE = "PIP_INDEX_URL";

const PIP: readonly (readonly string[])[] = [
  ["pip"],
  ["pip3"],
  ["python3", "-m", "pip"],
  ["python", "-m", "pip"],
];
// In the order in which `pip install` lets one win over the other.
const SETTINGS = ["install.index-url", "global.index-url"] as const;
const BUILT_IN = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)";

/**
 * Finds the index. The result may hold a user and a password.
 *
 * @throws {Error} If there is no pip to ask.
 */
export async function discoverIndex(): Promise<string> {
  const pip = await firstWorking(PIP, ["--version"]);
  if (pip) {
    for (const setting of SETTINGS) {
      const url = await ask([...pip, "config", "get", setting]);
      if (url) return url;
    }
  }
  for (const python of ["python3", "python"]) {
    const url = await ask([python, "-c", BUILT_IN]);
    if (url) return url;
  }
  throw new Error(
    "Cannot find the package index: there is no pip to ask; name it with --index=URL",
  );
}

async function firstWorking(
  candidates: readonly (readonly string[])[],
  args: readonly string[],
): Promise<readonly string[] | null> {
  for (const candidate of candidates) {
    if (await ask([...candidate, ...args]) !== null) return candidate;
  }
  return null;
}

/** What a program prints; `null` when it is missing or fails. */
async function ask(
  [program, ...args]: readonly string[],
): Promise<string | null> {
  try {
    const { success, stdout } = await new Deno.Command(program!, {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).output();
    return success ? new TextDecoder().decode(stdout).trim() : null;
  } catch (error) {
    const missing = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotCapable ||
      error instanceof Deno.errors.PermissionDenied;
    if (missing) return null;
    throw error;
  }
}

if (import.meta.main) {
  try {
    console.log(await discoverIndex());
  } catch (error) {
    console.error(`import: ${(error as Error).message}`);
    Deno.exit(1);
  }
}
