/**
 * The load generator: a process of its own, started by {@link ./driver.ts}. It speaks raw HTTP/1.1 over keep-alive
 * sockets because it shares the machine's cores with its target; it reports its own CPU seconds.
 */
import { Histogram } from "./histogram.ts";
import { HttpSocket } from "./http-socket.ts";
import type { Followed, FromLoad, LoadReport, LoadSpec, ToLoad } from "./load-spec.ts";
import { newKey, random } from "./requests.ts";
import { Sampler } from "./sampler.ts";

const followedMax = 20_000;
const refusedPauseMs = 50;

const now = (): number => performance.timeOrigin + performance.now();
const tell = (message: FromLoad): void => void process.send?.(message);

class Load {
  readonly #spec: LoadSpec;
  readonly #random: () => number;
  readonly #accept = new Histogram();
  readonly #sampler: Sampler;
  readonly #idle: HttpSocket[] = [];
  readonly #due: number[] = [];
  readonly #followed: Followed[] = [];
  readonly #counts = { sent: 0, accepted: 0, refused: 0, errors: 0, unknown: 0 };
  readonly #firstErrors: string[] = [];
  readonly #host: string;
  readonly #cpu = process.cpuUsage();
  #confirmed = 0;
  #inFlight = 0;
  #firstSentAt = 0;
  #lastAcceptedAt = 0;
  #heldSince = 0;
  #heldMs = 0;
  #over = false;

  constructor(spec: LoadSpec) {
    this.#spec = spec;
    this.#random = random(spec.seed);
    const url = new URL(spec.url);
    this.#host = url.host;
    this.#sampler = new Sampler(spec, url);
    for (let i = 0; i < spec.connections; i += 1) this.#idle.push(new HttpSocket(url));
  }

  set confirmed(count: number) {
    this.#confirmed = count;
    this.#pump();
  }

  async run(): Promise<LoadReport> {
    const start = now();
    const end = start + this.#spec.seconds * 1000;
    const progress = setInterval(() => tell({ progress: { accepted: this.#counts.accepted } }), 100);
    const stop = setTimeout(() => {
      this.#over = true;
    }, this.#spec.seconds * 1000);
    if (this.#spec.rate === undefined) this.#pump();
    else await this.#paced(start, end, this.#spec.rate);
    while (!this.#over || this.#inFlight > 0 || this.#due.length > 0) {
      this.#pump();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    clearTimeout(stop);
    this.#hold(false);
    await this.#sampler.finish();
    clearInterval(progress);
    const cpu = process.cpuUsage(this.#cpu);
    return {
      ...this.#counts,
      firstErrors: this.#firstErrors,
      firstSentAt: this.#firstSentAt,
      lastAcceptedAt: this.#lastAcceptedAt,
      heldSeconds: this.#heldMs / 1000,
      accept: this.#accept.quantiles(),
      endToEnd: this.#sampler.histogram.quantiles(),
      samplesSkipped: this.#sampler.skipped,
      questions: this.#sampler.questions,
      cpuSeconds: (cpu.user + cpu.system) / 1e6,
      followed: this.#followed,
    };
  }

  /** Open loop: a request that is due waits for a free connection, and the wait counts as its latency. */
  async #paced(start: number, end: number, rate: number): Promise<void> {
    for (let i = 0; ; ) {
      const at = now();
      if (at >= end) return;
      for (; start + (i * 1000) / rate <= at; i += 1) this.#due.push(at);
      this.#pump();
      const wait = start + (i * 1000) / rate - now();
      await new Promise((resolve) => setTimeout(resolve, Math.max(1, wait)));
    }
  }

  #hold(held: boolean): void {
    if (held === this.#heldSince > 0) return;
    if (!held) this.#heldMs += now() - this.#heldSince;
    this.#heldSince = held ? now() : 0;
  }

  #pump(): void {
    const { maxBacklog, rate } = this.#spec;
    while (this.#idle.length > 0) {
      const held = maxBacklog > 0 && this.#counts.accepted + this.#inFlight - this.#confirmed >= maxBacklog;
      this.#hold(held && !this.#over);
      if (held || (rate === undefined ? this.#over : this.#due.length === 0)) return;
      this.#submit(this.#idle.pop() as HttpSocket, this.#due.shift() ?? now());
    }
  }

  #submit(socket: HttpSocket, startedAt: number): void {
    const { accounts, authorization, hotShare, wire } = this.#spec;
    const account = this.#random() < hotShare ? 0 : Math.floor(this.#random() * accounts);
    const number = String(account + 1).padStart(4, "0");
    const key = newKey();
    const units = 1 + Math.floor(this.#random() * 5);
    const body = `{"accountId":"acct-${number}","condenserId":"car-${number}","units":${units}}`;
    const bearer = authorization[account % authorization.length] ?? "";
    let keys = "";
    for (const name of wire.keyHeaders ?? ["idempotency-key"]) keys += `${name}: ${key}\r\n`;
    const path = wire.submit.replace("{accountId}", `acct-${number}`);
    this.#counts.sent += 1;
    this.#inFlight += 1;
    if (this.#firstSentAt === 0) this.#firstSentAt = now();
    socket.send(
      `POST ${path} HTTP/1.1\r\nhost: ${this.#host}\r\nauthorization: ${bearer}\r\n${keys}` +
        `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      ({ status, body: answer }) => {
        const at = now();
        this.#inFlight -= 1;
        if (status === 202) {
          this.#counts.accepted += 1;
          this.#lastAcceptedAt = at;
          this.#accept.add(at - startedAt);
          const followed = account === 0 && this.#followed.length < followedMax;
          if (followed || this.#sampler.wants(at)) {
            const processId = (JSON.parse(answer) as Record<string, string>)[wire.id] ?? "";
            if (followed) this.#followed.push({ key, processId, sentAt: startedAt, acceptedAt: at });
            if (this.#sampler.wants(at)) this.#sampler.follow(processId, bearer, startedAt, at);
          }
        } else if (status === 429 || status === 503) {
          this.#counts.refused += 1;
          setTimeout(() => this.#release(socket), refusedPauseMs);
          return;
        } else {
          this.#counts[status === 0 ? "unknown" : "errors"] += 1;
          if (this.#firstErrors.length < 5) this.#firstErrors.push(`${status} ${answer.slice(0, 300)}`);
        }
        this.#release(socket);
      },
    );
  }

  #release(socket: HttpSocket): void {
    this.#idle.push(socket);
    this.#pump();
  }
}

let load: Load | undefined;
process.on("message", async (message: ToLoad) => {
  if ("confirmed" in message) {
    if (load !== undefined) load.confirmed = message.confirmed;
    return;
  }
  load = new Load(message.spec);
  const report = await load.run();
  process.send?.({ report } satisfies FromLoad, () => process.exit(0));
});
process.on("disconnect", () => process.exit(1));
