import type { Handler, Handlers } from "../../../shared/contract.ts";
import type { agentHealth, systemTools } from "../../../shared/tools/system.ts";
import type { SystemMonitor } from "./system-monitor.ts";

export interface SystemParts {
  readonly stats: Pick<SystemMonitor, "read">;
  readonly health: Handler<typeof agentHealth>;
}

export const systemHandlers = ({ stats, health }: SystemParts): Handlers<typeof systemTools> => ({
  get_system_stats: () => stats.read(),

  agent_health: health,
});
