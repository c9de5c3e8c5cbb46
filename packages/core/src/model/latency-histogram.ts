/**
 * Latencies counted in fixed buckets whose bounds grow by the same factor, so that counts of any minutes, tenants and processes
 * are added up and still give percentiles.
 *
 * Bucket 0 is everything under 1 ms; bucket b (1 and up) holds [2^((b-1)/16), 2^(b/16)) milliseconds. What is read is the middle of
 * a bucket, which is at most `latencyErrorBound` of the true value away. Longer than 2^31 ms (24 days) counts as that.
 */
const perDoubling = 16;
const longestBucket = 31 * perDoubling + 1;

/** Largest relative error of a percentile: 0.0219. */
export const latencyErrorBound = 2 ** (1 / (2 * perDoubling)) - 1;

/** The bucket of a latency in milliseconds; negative ones, from clocks that were set back, count as none. */
export function latencyBucket(ms: number): number {
  if (!(ms >= 1)) return 0;
  return Math.min(longestBucket, 1 + Math.floor(Math.log2(ms) * perDoubling));
}

/** What a bucket stands for, milliseconds. */
export function latencyOfBucket(bucket: number): number {
  return bucket <= 0 ? 0 : 2 ** ((bucket - 0.5) / perDoubling);
}

/** Counts by bucket. */
export type LatencyHistogram = ReadonlyMap<number, number>;

/** The latency that a share (0 to 1) of all stayed within, milliseconds, by nearest rank; null when nothing was counted. */
export function latencyWithin(histogram: LatencyHistogram, share: number): number | null {
  let total = 0;
  for (const count of histogram.values()) total += count;
  if (total <= 0) return null;
  const rank = Math.max(1, Math.ceil(share * total));
  let passed = 0;
  for (const bucket of [...histogram.keys()].sort((a, b) => a - b)) {
    passed += histogram.get(bucket) ?? 0;
    if (passed >= rank) return latencyOfBucket(bucket);
  }
  return null;
}
