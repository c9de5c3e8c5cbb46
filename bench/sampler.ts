import { Histogram } from "./histogram.ts";
import { HttpSocket } from "./http-socket.ts";
import type { LoadSpec } from "./load-spec.ts";

const pollMs = 4;
const sockets = 8;
const outstandingMax = 200;
const finishMs = 60_000;

type Sample = { id: string; bearer: string; startedAt: number; dueAt: number };

const now = (): number => performance.timeOrigin + performance.now();

/**
 * Measures submit → confirmed for a few requests a second by asking for their state, over connections of its own.
 * The step is 4 ms at first and then an eighth of the time already waited, so that a target that takes long is not flooded with
 * questions: each of them is work for the target, and a sampler that asks as often as commands are sent measures itself. The same for
 * every target.
 */
export class Sampler {
  readonly histogram = new Histogram();
  /** Samples not taken because 200 were already being followed. */
  skipped = 0;
  /** How often the state was asked for. */
  questions = 0;
  readonly #spec: LoadSpec;
  readonly #host: string;
  readonly #idle: HttpSocket[];
  readonly #open: HttpSocket[];
  #waiting: Sample[] = [];
  #asking = 0;
  #nextAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(spec: LoadSpec, url: URL) {
    this.#spec = spec;
    this.#host = url.host;
    this.#open = spec.samples > 0 ? Array.from({ length: sockets }, () => new HttpSocket(url)) : [];
    this.#idle = [...this.#open];
  }

  /** Whether the next sample is due at `at` (epoch ms). */
  wants(at: number): boolean {
    return this.#spec.samples > 0 && at >= this.#nextAt;
  }

  /** Follows one accepted request until it is confirmed. */
  follow(id: string, bearer: string, startedAt: number, at: number): void {
    this.#nextAt = Math.max(this.#nextAt + 1000 / this.#spec.samples, at);
    if (this.#waiting.length + this.#asking >= outstandingMax) {
      this.skipped += 1;
      return;
    }
    this.#waiting.push({ id, bearer, startedAt, dueAt: at });
    this.#schedule();
  }

  /** Resolves when all samples are confirmed, or after a minute (the rest then counts as skipped). */
  async finish(): Promise<void> {
    const end = now() + finishMs;
    while (this.#waiting.length + this.#asking > 0 && now() < end)
      await new Promise((resolve) => setTimeout(resolve, 20));
    this.skipped += this.#waiting.length + this.#asking;
    this.#waiting = [];
    clearTimeout(this.#timer);
    for (const socket of this.#open) socket.close();
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#waiting.length === 0 || this.#idle.length === 0) return;
    const next = this.#waiting.reduce(
      (least, sample) => Math.min(least, sample.dueAt),
      Number.POSITIVE_INFINITY,
    );
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#askDue();
        this.#schedule();
      },
      Math.max(0, next - now()),
    );
  }

  #askDue(): void {
    const at = now();
    const due = this.#waiting.filter((sample) => sample.dueAt <= at).slice(0, this.#idle.length);
    if (due.length === 0) return;
    const asked = new Set(due);
    this.#waiting = this.#waiting.filter((sample) => !asked.has(sample));
    for (const sample of due) this.#ask(sample, this.#idle.pop() as HttpSocket);
  }

  #ask(sample: Sample, socket: HttpSocket): void {
    const { wire } = this.#spec;
    this.#asking += 1;
    this.questions += 1;
    const path = wire.state.replace("{id}", sample.id);
    const request = `GET ${path} HTTP/1.1\r\nhost: ${this.#host}\r\nauthorization: ${sample.bearer}\r\n\r\n`;
    socket.send(request, ({ status, body }) => {
      const at = now();
      this.#asking -= 1;
      this.#idle.push(socket);
      if (wire.confirmed === String(status) || (status === 200 && body.includes(wire.confirmed)))
        this.histogram.add(at - sample.startedAt);
      else this.#waiting.push({ ...sample, dueAt: at + Math.max(pollMs, (at - sample.startedAt) / 8) });
      this.#schedule();
    });
  }
}
