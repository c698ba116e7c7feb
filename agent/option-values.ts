// How single flags and variables are read. Every flag has an environment variable; the flag wins.
import { readFileSync } from "node:fs";
import { type Command, CommanderError, Option } from "commander";
import { secretProblem } from "../shared/secret.ts";
import { UsageError } from "./usage-error.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** A flag whose help names its environment variable. */
export const envOption = (flags: string, variable: string, text: string) =>
  new Option(flags, `${text} (env: ${variable})`);

/** For flags that may be given again. */
export const list = (value: string, before: readonly string[] = []) => [...before, value];

export const words = (value: string | undefined) =>
  (value ?? "")
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");

/** @throws UsageError */
export function parseFlags<Flags extends object>(command: Command, argv: readonly string[]): Flags {
  try {
    command
      .allowExcessArguments(false)
      .exitOverride()
      .parse([...argv], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError)
      throw new UsageError(error.message, error.exitCode === 0 ? 0 : 2, true);
    throw error;
  }
  return command.opts<Flags>();
}

export function oneOf<const T extends readonly string[]>(flag: string, value: string, options: T): T[number] {
  if (!options.includes(value))
    throw new UsageError(`${flag} must be one of ${options.join(", ")}, not "${value}"`);
  return value;
}

/** @throws UsageError */
export function numberOf(flag: string, value: string, unit: string, min: number, max: number): number {
  const number = Number(value);
  if (!/^\d+(\.\d+)?$/.test(value) || number < min || number > max) {
    throw new UsageError(`${flag} must be a number of ${unit} from ${min} to ${max}, not "${value}"`);
  }
  return number;
}

function readSecret(flag: string, file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new UsageError(`${flag} cannot be read: ${(error as Error).message}`);
  }
}

export interface SecretSource {
  /** The one that names the file. */
  readonly flag: string;
  readonly value?: string | undefined;
  readonly file: string | undefined;
  /** The variable that holds it; `<variable>_FILE` names a file. */
  readonly variable: string;
}

/** A secret from a flag, a file, or the environment. @throws UsageError when it is too short to be one */
export function secretOf(
  { flag, value, file, variable }: SecretSource,
  env: Environment,
): string | undefined {
  const envFile = env[`${variable}_FILE`];
  const secret =
    value ??
    (file !== undefined ? readSecret(flag, file) : undefined) ??
    env[variable] ??
    (envFile !== undefined ? readSecret(`${variable}_FILE`, envFile) : undefined);
  if (secret === undefined) return undefined;
  const problem = secretProblem(secret);
  if (problem !== undefined) throw new UsageError(`The token ${problem}`);
  return secret;
}
