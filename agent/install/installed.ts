// The installed service: whose it is, and what it was told.
import { existsSync, readFileSync } from "node:fs";
import { LAYOUT, type Layout } from "./layout.ts";
import { type Settings, settingsIn } from "./settings.ts";

export interface InstalledService {
  readonly user: string;
  /** undefined: only root may read them. */
  readonly settings: Settings | undefined;
}

export function installedService(layout: Layout = LAYOUT): InstalledService | undefined {
  if (!existsSync(layout.unit)) return undefined;
  const user = /^User=(.+)$/m.exec(readFileSync(layout.unit, "utf8"))?.[1] ?? "";
  try {
    return { user, settings: settingsIn(readFileSync(layout.settings, "utf8")) };
  } catch {
    return { user, settings: undefined };
  }
}
