/** Every bound the edge keeps, with its default. Times in milliseconds, sizes in bytes. */
export interface EdgeLimits {
  readonly bodyBytes: number;
  /** Request line and headers together. */
  readonly headerBytes: number;
  readonly headersTimeoutMs: number;
  /** From the first byte of a request to its last. */
  readonly requestTimeoutMs: number;
  readonly keepAliveMs: number;
  /** How often slow requests are looked for: a timeout comes at most this much late. */
  readonly timeoutCheckMs: number;
  readonly connectionsAllowed: number;
  /** Raise it behind a proxy: all its clients share one address. */
  readonly connectionsPerAddress: number;
  /** Open SSE and WebSocket streams of one (tenant, sub). */
  readonly streamsPerCaller: number;
  /** Unsent bytes past which a slow reader is dropped. */
  readonly streamBufferBytes: number;
  readonly heartbeatMs: number;
  readonly pingMs: number;
  /** How long a WebSocket may take to send its token. */
  readonly firstMessageMs: number;
  /** How long requests in flight may take to finish when the server closes. */
  readonly closeWithinMs: number;
}

export const defaultLimits: EdgeLimits = {
  bodyBytes: 64 * 1024,
  headerBytes: 8 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveMs: 5_000,
  timeoutCheckMs: 1_000,
  connectionsAllowed: 10_000,
  connectionsPerAddress: 1_000,
  streamsPerCaller: 100,
  streamBufferBytes: 256 * 1024,
  heartbeatMs: 15_000,
  pingMs: 30_000,
  firstMessageMs: 5_000,
  closeWithinMs: 5_000,
};
