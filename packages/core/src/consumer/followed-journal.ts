import { isAnythingAfter, type LanePosition, readJournalIdentity, readLanesAfter } from "../journal/read.ts";
import type { Entry } from "../model/entry.ts";
import { type Failure, isFailure } from "../model/failure.ts";
import type { ConsumerSource } from "./definition.ts";

/** What a journal's follower tells, and asks before it is read. */
export interface JournalWatch {
  /** Fails when the journal is not the one that was read before. */
  check(source: ConsumerSource): Promise<void>;
  /** Its database does not answer. */
  away(failure: Failure): void;
  /** It does again. */
  back(): void;
}

/**
 * One journal that a consumer follows, asked as seldom as can be: at once when somebody says that it grew, soon again while something
 * is known to wait behind the gate, and now and then besides, because wake-ups may get lost. While its database does not answer, it is
 * looked for beside everything else, so that the other journals of the consumer are read meanwhile.
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
  /** It is still the one the cursors point into. In doubt again whenever leases are renewed. */
  private isChecked = false;
  /** Looks in a row that its database did not answer; 0: it is there. */
  private failures = 0;
  private looking: Promise<void> | null = null;
  private readonly watch: JournalWatch;

  /** `quietMs`: after so long it is asked though nobody said that it grew. */
  constructor(source: ConsumerSource, follower: string, quietMs: number, watch: JournalWatch) {
    this.source = source;
    this.follower = follower;
    this.quietMs = quietMs;
    this.watch = watch;
  }

  /** Leases were renewed: it may have been replaced meanwhile. */
  doubt(): void {
    this.isChecked = false;
  }

  /** As `after`; none while its database does not answer. Errors: those of `watch.check`. */
  async read(lanes: readonly LanePosition[], perLane: number): Promise<Entry[]> {
    if (this.failures > 0) {
      this.looking ??= this.look();
      return [];
    }
    try {
      if (!this.isChecked) {
        await this.watch.check(this.source);
        this.isChecked = true;
      }
      return await this.after(lanes, perLane);
    } catch (error) {
      if (!isFailure(error) || error.kind !== "unavailable") throw error;
      this.failures = 1;
      this.watch.away(error);
      return [];
    }
  }

  /** After a pause that grows, whether it answers again. */
  private async look(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, Math.min(2_000, 50 * 2 ** this.failures)));
    try {
      await readJournalIdentity(this.source.database);
      this.failures = 0;
      this.forget();
      this.watch.back();
    } catch (error) {
      this.failures = Math.min(this.failures + 1, 6);
      if (isFailure(error)) this.watch.away(error);
    }
    this.looking = null;
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
    this.isChecked = false;
  }

  /** Up to `perLane` entries of each lane after its position, oldest first; none while it is known that there are none. */
  private async after(lanes: readonly LanePosition[], perLane: number): Promise<Entry[]> {
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
