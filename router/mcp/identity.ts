// What is the same in every answer of the new era.
import { SERVER_NAME, SERVER_TITLE, SERVER_VERSION } from "../../shared/server-info.ts";

/** The version of the protocol that began it; so far there is no later one. */
export const MODERN_VERSION = "2026-07-28";

/** Who we are. An icon is for those who ask: otherwise it would go out with every answer. */
export const IDENTITY = { name: SERVER_NAME, version: SERVER_VERSION, title: SERVER_TITLE } as const;

/** Lists change with an update of the program, or when a machine comes or goes: clients may keep them for a while. */
export const LISTS = { ttlMs: 300_000, cacheScope: "private" } as const;
