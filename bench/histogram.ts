/** Quantiles of one series, milliseconds. `count` 0 means nothing was measured and the rest is 0. */
export type Quantiles = { count: number; p50: number; p90: number; p99: number; max: number };

const growth = 1.02;
const smallest = 0.01;
const buckets = Math.ceil(Math.log(600_000 / smallest) / Math.log(growth));

/**
 * Latency histogram with buckets 2 % wide from 0.01 ms to 10 min: constant memory, so that a long run does not
 * make the load generator collect garbage while it measures.
 */
export class Histogram {
  readonly #counts = new Float64Array(buckets + 1);
  #total = 0;
  #max = 0;

  /** Adds one latency in milliseconds. */
  add(ms: number): void {
    const index = ms <= smallest ? 0 : Math.ceil(Math.log(ms / smallest) / Math.log(growth));
    const bucket = Math.min(index, buckets);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#total += 1;
    if (ms > this.#max) this.#max = ms;
  }

  /** Latency below which the share `q` (0..1) of the values lies, at most 2 % too high. */
  quantile(q: number): number {
    let left = Math.ceil(this.#total * q);
    for (let i = 0; i <= buckets; i += 1) {
      left -= this.#counts[i] ?? 0;
      if (left <= 0) return Math.min(this.#max, smallest * growth ** i);
    }
    return this.#max;
  }

  /** The summary that goes into the results. */
  quantiles(): Quantiles {
    const round = (ms: number): number => Math.round(ms * 100) / 100;
    if (this.#total === 0) return { count: 0, p50: 0, p90: 0, p99: 0, max: 0 };
    return {
      count: this.#total,
      p50: round(this.quantile(0.5)),
      p90: round(this.quantile(0.9)),
      p99: round(this.quantile(0.99)),
      max: round(this.#max),
    };
  }
}
