// tqdm's progress bars, byte for byte: https://github.com/tqdm/tqdm. The grammar is in ai-toolkit.md §6.3.

const BLOCKS = " ▏▎▍▌▋▊▉█";
const WIDTH = 10;
/** tqdm's mininterval: a count that comes sooner after the last printed one is not printed. */
const MIN_INTERVAL_S = 0.1;
const SMOOTHING = 0.3;

export interface BarLook {
  readonly n: number;
  /** 0: unknown or nothing to do; tqdm then shows a bare count. */
  readonly total: number;
  readonly elapsedS: number;
  /** Items per second; undefined while nothing was measured. */
  readonly rate: number | undefined;
  readonly description: string;
  readonly postfix: string;
}

export function formatBar({ n, total, elapsedS, rate, description, postfix }: BarLook): string {
  const prefix = description === "" ? "" : `${description}: `;
  const tail = postfix === "" ? "" : `, ${postfix}`;
  const speed = formatRate(rate);
  if (total === 0) return `${prefix}${n}it [${formatInterval(elapsedS)}, ${speed}${tail}]`;
  const share = n / total;
  const eighths = Math.floor(share * WIDTH * 8);
  const full = "█".repeat(Math.floor(eighths / 8));
  const bar = `${full}${BLOCKS[eighths % 8] ?? ""}`.slice(0, WIDTH).padEnd(WIDTH);
  const percent = String(roundHalfEven(share * 100)).padStart(3);
  const remaining = rate ? formatInterval((total - n) / rate) : "?";
  return `${prefix}${percent}%|${bar}| ${n}/${total} [${formatInterval(elapsedS)}<${remaining}, ${speed}${tail}]`;
}

function formatRate(rate: number | undefined): string {
  if (!rate) return "?it/s";
  const slow = 1 / rate > 1;
  return `${(slow ? 1 / rate : rate).toFixed(2).padStart(5)}${slow ? "s/it" : "it/s"}`;
}

/** `MM:SS`, `H:MM:SS` or `N days, H:MM:SS`. */
export function formatInterval(seconds: number): string {
  const whole = Math.trunc(seconds);
  const two = (value: number) => String(value).padStart(2, "0");
  const clock = `${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  const hours = Math.floor(whole / 3600);
  if (hours === 0) return clock;
  const days = Math.floor(hours / 24);
  return `${days === 0 ? "" : `${days} day${days === 1 ? "" : "s"}, `}${hours % 24}:${clock}`;
}

/** Python's round: 82.5 % is shown as 82, 87.5 % as 88. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** tqdm's bias-corrected exponential mean. */
function movingMean(): {
  add(value: number): void;
  mean(): number | undefined;
} {
  let last = 0;
  let calls = 0;
  return {
    add(value) {
      last = SMOOTHING * value + (1 - SMOOTHING) * last;
      calls += 1;
    },
    mean: () => (calls === 0 ? undefined : last / (1 - (1 - SMOOTHING) ** calls)),
  };
}

export interface BarOptions {
  readonly total: number;
  readonly initial?: number;
  readonly description?: string;
  /** Drawn one line below another bar that is still open. */
  readonly nested?: boolean;
  /** false: wiped when closed. */
  readonly leave?: boolean;
  readonly write: (text: string) => void;
  /** Seconds. */
  readonly now?: () => number;
}

export class Bar {
  readonly #options: Required<BarOptions>;
  readonly #dn = movingMean();
  readonly #dt = movingMean();
  #n: number;
  #startS: number;
  #printedS: number;
  #printedN: number;
  #pausedS: number | undefined;
  #postfix = "";
  #lastLength = 0;
  #closed = false;

  constructor(options: BarOptions) {
    this.#options = {
      initial: 0,
      description: "",
      nested: false,
      leave: true,
      now: () => performance.now() / 1000,
      ...options,
    };
    this.#n = this.#options.initial;
    this.#printedN = this.#n;
    this.#startS = this.#options.now();
    this.#printedS = this.#startS;
    this.#show(this.#line());
  }

  /** Shown at once, even when the count is not due. */
  setPostfix(postfix: string): void {
    this.#postfix = postfix;
    this.#show(this.#line());
  }

  update(n: number): void {
    this.#n = n;
    const now = this.#options.now();
    const sinceS = now - this.#printedS;
    if (sinceS < MIN_INTERVAL_S || n === this.#printedN) return;
    this.#dn.add(n - this.#printedN);
    this.#dt.add(sinceS);
    this.#show(this.#line());
    this.#printedN = n;
    this.#printedS = now;
  }

  /** Time until resume() does not count as elapsed. */
  pause(): void {
    this.#pausedS ??= this.#options.now();
  }

  resume(): void {
    if (this.#pausedS === undefined) return;
    const now = this.#options.now();
    this.#startS += now - this.#pausedS;
    this.#printedS = now;
    this.#pausedS = undefined;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const { leave, nested, write } = this.#options;
    if (leave) {
      this.#show(this.#line("overall"), "first line");
      write("\n");
    } else {
      this.#show("");
      if (!nested) write("\r");
    }
  }

  #line(rateOf: "recent" | "overall" = "recent"): string {
    const { initial, total, description, now } = this.#options;
    const elapsedS = (this.#pausedS ?? now()) - this.#startS;
    const dn = this.#dn.mean();
    const dt = this.#dt.mean();
    const overall = elapsedS > 0 ? (this.#n - initial) / elapsedS : undefined;
    const rate = rateOf === "recent" && dn !== undefined && dt ? dn / dt : overall;
    return formatBar({
      n: this.#n,
      total,
      elapsedS,
      rate,
      description,
      postfix: this.#postfix,
    });
  }

  /** A nested bar that stays takes the place of the one above it for its last line. */
  #show(line: string, place?: "first line"): void {
    const { nested, write } = this.#options;
    const text = `\r${line.padEnd(this.#lastLength)}`;
    this.#lastLength = line.length;
    write(nested && place === undefined ? `\n${text}\x1b[A` : text);
  }
}
