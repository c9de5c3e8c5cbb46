/**
 * What this process accepted and no reading of the totals has counted yet, in memory that does not grow with it.
 * An acceptance is told of after its commit. So a reading that began later sees it, and only the batches told of while a reading is under way
 * have to be kept one by one: its snapshot tells which of them it saw.
 */
export interface Uncounted {
  /** Commands accepted and not counted. */
  readonly commands: number;
  /** Batches kept one by one: none between readings, and never more than `batchesKept`. */
  readonly batches: number;
  /** Commands this process accepted, by the transaction `xid`; null when that was not heard. */
  accepted(count: number, xid: string | null): void;
  /** A reading begins. One at a time: each is followed by `counted` or `failed`. */
  begin(): void;
  /**
   * The reading succeeded with this snapshot, as `readSnapshot` understands it. False: too much was accepted meanwhile to tell what it saw; its
   * count of acceptances must not be used, and what was uncounted still is, until the next reading.
   */
  counted(seen: (xid: bigint) => boolean): boolean;
  failed(): void;
}

interface Batch {
  readonly count: number;
  readonly xid: bigint | null;
}

/** `batchesKept` (default 1,000): batches accepted while one reading is under way, beyond which that reading counts nothing. */
export function openUncounted(batchesKept = 1_000): Uncounted {
  let commands = 0;
  /** Of them, told of while the reading under way was under way, and not too many: its snapshot decides. All others it sees, or counts nothing. */
  let during: Batch[] = [];
  let underWay = false;
  let tooMany = false;
  let seenLast: (xid: bigint) => boolean = () => false;

  function end(): void {
    during = [];
    underWay = false;
    tooMany = false;
  }

  return {
    get commands() {
      return commands;
    },
    get batches() {
      return during.length;
    },
    accepted(count, text) {
      const xid = text === null ? null : BigInt(text);
      if (xid !== null && seenLast(xid)) return;
      commands += count;
      if (!underWay) return;
      if (during.length < batchesKept) during.push({ count, xid });
      // What was not kept cannot be told apart by a snapshot: nothing may depend on what this reading saw.
      else tooMany = true;
    },
    begin() {
      underWay = true;
    },
    counted(seen) {
      const told = !tooMany;
      if (told) {
        seenLast = seen;
        commands = during.reduce((sum, { count, xid }) => (xid !== null && seen(xid) ? sum : sum + count), 0);
      }
      end();
      return told;
    },
    failed: end,
  };
}

/** Which transactions a snapshot (`xmin:xmax:xid,xid…`, PostgreSQL's pg_snapshot) sees, of those that are committed. */
export function readSnapshot(text: string): (xid: bigint) => boolean {
  const [xmin = "0", xmax = "0", underWay = ""] = text.split(":");
  const open = new Set(underWay.split(","));
  return (xid) => xid < BigInt(xmin) || (xid < BigInt(xmax) && !open.has(String(xid)));
}
