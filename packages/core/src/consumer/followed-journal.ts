import { isAnythingAfter, type LanePosition, readLanesAfter } from "../journal/read.ts";
import type { Entry } from "../model/entry.ts";
import type { ConsumerSource } from "./definition.ts";

/**
 * One journal that a consumer follows, asked as seldom as can be: at once when somebody says that it grew, soon again while something
 * is known to wait behind the gate, and now and then besides, because wake-ups may get lost.
 */
export class FollowedJournal {
  readonly source: ConsumerSource;
  private readonly follower: string;
  private readonly quietMs: number;
  /** Known to hold nothing more; milliseconds of performance.now(). */
  private quietUntil = 0;
  /** It gave something or somebody woke us since: more may wait behind the gate. */
  private isUnsure = false;
  /** Something is known to wait behind the gate. */
  private isGated = false;

  /** `quietMs`: after so long it is asked though nobody said that it grew. */
  constructor(source: ConsumerSource, follower: string, quietMs: number) {
    this.source = source;
    this.follower = follower;
    this.quietMs = quietMs;
  }

  /** It grew, as somebody says. */
  grew(): void {
    this.quietUntil = 0;
    this.isUnsure = true;
  }

  /** What is known of it may be of another history. */
  forget(): void {
    this.source.shared?.forget();
    this.quietUntil = 0;
    this.isGated = false;
    this.isUnsure = true;
  }

  /** Up to `perLane` entries of each lane after its position, oldest first; none while it is known that there are none. */
  async after(lanes: readonly LanePosition[], perLane: number): Promise<Entry[]> {
    const now = performance.now();
    if (now < this.quietUntil) return [];
    const { database, reading, shared } = this.source;
    const wasUnsure = this.isUnsure;
    // Before reading: whoever wakes us meanwhile may have been too late for it.
    this.isUnsure = false;
    const entries =
      shared === undefined
        ? await readLanesAfter(database, lanes, perLane, reading)
        : await shared.after(this.follower, lanes, perLane);
    if (entries.length > 0) {
      this.isUnsure = true;
      this.isGated = false;
      return entries;
    }
    if (wasUnsure && !this.isGated) this.isGated = await isAnythingAfter(database, lanes, reading);
    if (!this.isGated && !this.isUnsure) this.quietUntil = now + this.quietMs;
    return entries;
  }
}
