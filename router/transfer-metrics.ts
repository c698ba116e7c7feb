// Files that went through this process, counted since it started.
import type { Transfer } from "../shared/streams.ts";
import type { Family } from "./prometheus.ts";

export class TransferMetrics {
  readonly #open = new Set<Transfer>();
  readonly #ended = { ok: 0, failed: 0 };
  #downBytes = 0;
  #upBytes = 0;

  began(transfer: Transfer): void {
    this.#open.add(transfer);
    void transfer.closed.then(() => {
      this.#open.delete(transfer);
      this.#ended[transfer.isWhole ? "ok" : "failed"] += 1;
      this.#downBytes += transfer.receivedBytes;
      this.#upBytes += transfer.sentBytes;
    });
  }

  families(): Family[] {
    const bytes = { down: this.#downBytes, up: this.#upBytes };
    for (const { receivedBytes, sentBytes } of this.#open) {
      bytes.down += receivedBytes;
      bytes.up += sentBytes;
    }
    const labelled = (label: string, values: Readonly<Record<string, number>>) =>
      Object.entries(values).map(([key, value]) => ({ labels: { [label]: key }, value }));
    return [
      {
        name: "mcp_ai_toolkit_transfers_total",
        help: "Transfers of files that have ended, by how.",
        type: "counter",
        samples: labelled("outcome", this.#ended),
      },
      {
        name: "mcp_ai_toolkit_transfer_bytes_total",
        help: "Bytes of files: down from the machines, up to them.",
        type: "counter",
        samples: labelled("way", bytes),
      },
      {
        name: "mcp_ai_toolkit_open_transfers",
        help: "Transfers of files that are under way.",
        type: "gauge",
        samples: [{ value: this.#open.size }],
      },
    ];
  }
}
