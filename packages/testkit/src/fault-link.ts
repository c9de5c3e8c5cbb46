import type { Socket } from "node:net";
import type { SeededRandom } from "./seeded-random.ts";

/** Which way bytes go: from the client to the server, or back. */
export type Direction = "to-server" | "to-client";

/** What one direction of every connection suffers at present. Replaced whole, read anew for every piece. */
export interface LinkFaults {
  /** Milliseconds every piece is held. */
  readonly latencyMs: number;
  /** Held longer by 0..jitterMs, drawn per piece; order is kept. */
  readonly jitterMs: number;
  /** Bytes and the end of the stream are swallowed. */
  readonly blackHole: boolean;
  readonly bytesPerSecond: number;
  /** Largest number of bytes written at once. */
  readonly sliceBytes: number;
  /** Milliseconds between two slices. */
  readonly sliceDelayMs: number;
  /** Bytes a connection may still carry once it sees this object; a new object starts a new count. */
  readonly cut: { readonly bytes: number } | null;
}

/** A direction without faults. */
export const noFaults: LinkFaults = {
  latencyMs: 0,
  jitterMs: 0,
  blackHole: false,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  sliceBytes: Number.POSITIVE_INFINITY,
  sliceDelayMs: 0,
  cut: null,
};

/** What a link tells its connection about. */
export interface LinkEvents {
  /** A fault touched this link's bytes. */
  touched(fault: "latency" | "bandwidth" | "slice" | "blackHole"): void;
  /** The bytes allowed by `cut` have left; nothing more will. */
  cut(): void;
}

/** Enough to keep a link busy, little enough that a slow reader slows its writer. */
const bytesHeld = 1024 * 1024;

/**
 * One direction of one connection: a queue of bytes between a source and a sink that applies the faults of the moment.
 * Guarantees: bytes leave in the order they came; a changed fault also holds for bytes already queued.
 */
export class FaultLink {
  readonly #source: () => Socket | null;
  readonly #sink: () => Socket;
  readonly #faults: () => LinkFaults;
  readonly #random: SeededRandom;
  readonly #events: LinkEvents;
  readonly #queue: { bytes: Buffer; readonly arrivedAt: number; readonly jitter: number }[] = [];
  #queuedBytes = 0;
  #ended = false;
  #stopped = false;
  #lost = false;
  #writing = false;
  #timer: NodeJS.Timeout | null = null;
  #last = { at: 0, bytes: 0, isSlice: false };
  #cutSeen: LinkFaults["cut"] = null;
  #carriedSinceCut = 0;

  constructor(options: {
    /** The socket to pause while the queue is full; null while there is none. */
    readonly source: () => Socket | null;
    /** Called when the first byte must leave, so that a server is not dialled for a connection that says nothing. */
    readonly sink: () => Socket;
    readonly faults: () => LinkFaults;
    readonly random: SeededRandom;
    readonly events: LinkEvents;
  }) {
    this.#source = options.source;
    this.#sink = options.sink;
    this.#faults = options.faults;
    this.#random = options.random;
    this.#events = options.events;
  }

  /** True once bytes or an end were swallowed: what follows would make no sense to the receiver. */
  get lost(): boolean {
    return this.#lost;
  }

  push(bytes: Buffer): void {
    if (this.#stopped || bytes.length === 0) return;
    if (this.#faults().latencyMs + this.#faults().jitterMs > 0) this.#events.touched("latency");
    this.#queue.push({ bytes, arrivedAt: performance.now(), jitter: this.#random.next() });
    this.#queuedBytes += bytes.length;
    if (this.#queuedBytes > bytesHeld) this.#source()?.pause();
    this.#step();
  }

  /** The source has nothing more to say; the sink is told after the queue has drained. */
  end(): void {
    this.#ended = true;
    this.#step();
  }

  /** Applies changed faults to what is queued. */
  faultsChanged(): void {
    this.#step();
  }

  /** Forgets what is queued and forwards nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#queue.length = 0;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** Moves the head of the queue as far as the faults allow now, and arranges to be called again. */
  #step(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#stopped || this.#writing) return;
    const faults = this.#faults();
    if (faults.blackHole) {
      this.#swallow();
      return;
    }
    const head = this.#queue[0];
    if (head === undefined) {
      if (!this.#ended || this.#lost) return;
      this.stop();
      this.#sink().end();
      return;
    }
    const now = performance.now();
    const dueAt = head.arrivedAt + faults.latencyMs + head.jitter * faults.jitterMs;
    const pacedMs = (this.#last.bytes * 1000) / faults.bytesPerSecond;
    const pauseMs = Math.max(pacedMs, this.#last.isSlice ? faults.sliceDelayMs : 0);
    const waitMs = Math.max(dueAt, this.#last.at + pauseMs) - now;
    if (waitMs > 0) {
      this.#timer = setTimeout(() => this.#step(), Math.ceil(waitMs));
      return;
    }
    this.#write(head, faults, now);
  }

  #write(head: { bytes: Buffer }, faults: LinkFaults, now: number): void {
    if (faults.cut !== this.#cutSeen) {
      this.#cutSeen = faults.cut;
      this.#carriedSinceCut = 0;
    }
    const allowance =
      faults.cut === null ? Number.POSITIVE_INFINITY : faults.cut.bytes - this.#carriedSinceCut;
    // A fiftieth of a second's worth at a time: smooth, without one write per byte.
    const paced = Math.max(1, Math.ceil(faults.bytesPerSecond / 50));
    const size = Math.min(head.bytes.length, faults.sliceBytes, paced, allowance);
    const piece = head.bytes.subarray(0, size);
    if (size < head.bytes.length) head.bytes = head.bytes.subarray(size);
    else this.#queue.shift();
    this.#queuedBytes -= size;
    this.#carriedSinceCut += size;
    this.#last = { at: now, bytes: size, isSlice: size === faults.sliceBytes };
    if (Number.isFinite(faults.bytesPerSecond)) this.#events.touched("bandwidth");
    if (this.#last.isSlice) this.#events.touched("slice");
    this.#writing = true;
    this.#sink().write(piece, () => {
      this.#writing = false;
      if (this.#stopped) return;
      // Unless another connection has used the cut up meanwhile.
      if (size === allowance && this.#faults().cut === faults.cut) {
        this.#events.cut();
        return;
      }
      if (this.#queuedBytes <= bytesHeld) this.#source()?.resume();
      // Through the event loop, so that slices are seen as separate packets.
      setImmediate(() => this.#step());
    });
  }

  #swallow(): void {
    if (this.#queue.length === 0 && !this.#ended) return;
    if (!this.#lost || this.#queue.length > 0) this.#events.touched("blackHole");
    this.#lost = true;
    this.#queue.length = 0;
    this.#queuedBytes = 0;
    this.#source()?.resume();
  }
}
