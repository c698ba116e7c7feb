// Which Python makes ai-toolkit's virtual environment.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { hasCode } from "../files/sandbox.ts";
import { UsageError } from "../usage-error.ts";

const OLDEST = 10;
/** scipy 1.12.0, which ai-toolkit's requirements pin, has no wheel for 3.13: gigabytes later pip would try to compile it. */
const NEWEST = 12;

/** The version first: it is also wanted where venv is missing, which some distributions split off. */
const PROBE = "import sys; print(*sys.version_info[:2], flush=True); import venv, ensurepip";

/** What keeps a Python from it; undefined: nothing. @param newest minor version of Python 3 */
export async function pythonProblem(program: string, newest: number): Promise<string | undefined> {
  const asked = promisify(execFile)(program, ["-c", PROBE]);
  const { stdout, failed } = await asked.then(
    (answer) => ({ stdout: answer.stdout, failed: undefined }),
    (error: Error & { readonly stdout?: string }) => ({ stdout: error.stdout ?? "", failed: error }),
  );
  const [, major, minor] = /^(\d+) (\d+)$/m.exec(stdout) ?? [];
  if (major === undefined) return hasCode(failed, "ENOENT") ? "is not there" : "does not run";
  if (major !== "3" || Number(minor) < OLDEST || Number(minor) > newest) return `is ${major}.${minor}`;
  return failed && `has no venv (Debian, Ubuntu: sudo apt install python3.${minor}-venv)`;
}

/** From the advised one to what the machine calls its own. */
const CANDIDATES = ["python3.12", "python3.11", "python3.10", "python3"];

/** @param given taken as it is when it is not too old: it may be for a newer ai-toolkit @throws UsageError when none fits */
export async function findPython(given: string | undefined): Promise<string> {
  const problems: string[] = [];
  for (const candidate of given === undefined ? CANDIDATES : [given]) {
    const problem = await pythonProblem(candidate, given === undefined ? NEWEST : Number.POSITIVE_INFINITY);
    if (problem === undefined) return candidate;
    problems.push(`${candidate} ${problem}`);
  }
  throw new UsageError(
    `ai-toolkit wants Python 3.${OLDEST} to 3.${NEWEST} with venv: ${problems.join(", ")}.\nWhere the distribution has none, e.g.: uv python install 3.12, then --python "$(uv python find 3.12)"`,
  );
}
