/**
 * Business time. Every timer, schedule, expiry and retention rule reads it from here;
 * leases and network timeouts use database or monotonic time instead and are never moved by it.
 */
export interface Clock {
  /** Epoch milliseconds, business time. */
  now(): number;
}
