// REST only, for a client-mode server or scripts: the old server's `--mode server`.
import type { Log } from "../../shared/log.ts";
import type { Options } from "../options.ts";
import type { Running } from "./running.ts";
import { standalone } from "./standalone.ts";

export const server = (options: Options, log: Log): Promise<Running> => standalone(options, log, "rest");
