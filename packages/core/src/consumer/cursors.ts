import { readJournalIdentity } from "../journal/read.ts";
import type { SharedReading } from "../journal/shared-reading.ts";
import { compareXids, type Position } from "../model/entry.ts";
import { Failure } from "../model/failure.ts";
import { laneCount } from "../model/lane.ts";
import { int2Array, int8Array, textArray, xid8Array } from "../postgres/arrays.ts";
import type { Connection, Statement } from "../postgres/database.ts";
import type { JournalSource } from "./lanes.ts";
import type { Renewals } from "./renewals.ts";

/**
 * A consumer's cursor in one lane of a journal, as stored, and whether it still points into that journal.
 * Life-cycle: docs/states/lease.md.
 */
export interface StoredCursor {
  readonly lane: number;
  readonly epoch: string;
  /** The journal the position belongs to. */
  readonly generation: string;
  readonly position: Position;
}

const register: Statement = {
  name: "consumer-register",
  text: `with leases as (
      insert into entente.lease (consumer, lane) select $1, lane from generate_series(0, $4 - 1) lane
      on conflict do nothing)
    insert into entente.cursor (consumer, journal, lane, generation)
      select $1, $2, lane, $3 from generate_series(0, $4 - 1) lane
    on conflict do nothing`,
};

/** Makes the consumer known: a lease for each lane, and a cursor at the start of each journal it has none in. Repeating it changes nothing. */
export async function registerConsumer(
  database: Connection,
  consumer: string,
  sources: readonly JournalSource[],
): Promise<void> {
  for (const source of sources) {
    const { generation } = await readJournalIdentity(source.database);
    await database.run(register, [consumer, source.context, generation, laneCount]);
  }
}

const storedCursors: Statement = {
  name: "consumer-stored-cursors",
  text: `select asked.n::int4, c.lane, c.epoch, c.generation, c.xid, c.seq
    from unnest($1::text[], $2::text[]) with ordinality as asked(consumer, journal, n)
    join entente.cursor c on c.consumer = asked.consumer and c.journal = asked.journal
    order by asked.n, c.lane`,
};

/** A transaction whose commit was never heard of may still be moving them. */
const settledCursors: Statement = {
  name: "consumer-settled-cursors",
  text: `${storedCursors.text} for update of c`,
};

/**
 * Shape: a cursor per lane, by lane; none when the consumer was never started.
 * `settled`: waits for whoever is about to move one, so that what it committed is known with its position.
 */
export async function readStoredCursors(
  connection: Connection,
  consumer: string,
  journal: string,
  settled = false,
): Promise<readonly StoredCursor[]> {
  const [cursors = []] = await readCursors(connection, [{ consumer, journal }], settled);
  return cursors;
}

/** The same for several, in the order asked for. */
export async function readCursors(
  connection: Connection,
  asked: readonly { readonly consumer: string; readonly journal: string }[],
  settled = false,
): Promise<readonly StoredCursor[][]> {
  const rows = await connection.run<{
    n: number;
    lane: number;
    epoch: string;
    generation: string;
    xid: string;
    seq: string;
  }>(settled ? settledCursors : storedCursors, [
    textArray(asked.map(({ consumer }) => consumer)),
    textArray(asked.map(({ journal }) => journal)),
  ]);
  const cursors = asked.map((): StoredCursor[] => []);
  for (const { n, lane, epoch, generation, xid, seq } of rows)
    cursors[n - 1]?.push({ lane, epoch, generation, position: { xid, seq } });
  return cursors;
}

/**
 * Checks that each journal is still the one the consumer's cursors point into. Asked before anything is read, and again
 * whenever leases are renewed, because a journal can be replaced while its readers run.
 * Errors: `journal-replaced` (refused) when one was re-created, moved or restored to an earlier point: reading on would
 * skip or repeat entries, so an operator decides (context/reset-cursor.ts).
 */
export async function checkJournals(
  renewals: Renewals,
  consumer: string,
  sources: readonly (JournalSource & { readonly shared?: SharedReading })[],
): Promise<void> {
  const check = async (source: (typeof sources)[number]): Promise<void> => {
    // First the cursors: what other workers consume in between would look like the future of the journal.
    const cursors = await renewals.cursors(consumer, source.context);
    const now = await (source.shared?.identity() ?? readJournalIdentity(source.database));
    for (const cursor of cursors) {
      if (!isReplaced(cursor, now)) continue;
      throw new Failure(
        "refused",
        "journal-replaced",
        `The journal of ${source.context} is not the one ${consumer} was reading: it was ${
          cursor.generation === now.generation
            ? "restored to an earlier point"
            : "re-created or moved to another cluster"
        }. Compare both and reset the cursor: docs/operations/journal-replaced.md.`,
        { fields: { consumer, journal: source.context, lane: cursor.lane } },
      );
    }
  };
  await Promise.all(sources.map(check));
}

/**
 * True when the cursor belongs to another generation, or stands where the journal has not come to yet.
 * `now` must have been read after the cursor, or in a transaction that keeps the cursor from moving.
 */
export function isReplaced(
  cursor: Pick<StoredCursor, "generation" | "position">,
  now: { readonly generation: string; readonly nextXid: string },
): boolean {
  return cursor.generation !== now.generation || compareXids(cursor.position.xid, now.nextXid) >= 0;
}

const raiseEpochs: Statement = {
  name: "consumer-raise-epochs",
  text: `with raised as (
      update entente.lease set epoch = epoch + 1 where consumer = $1 returning lane, epoch)
    update entente.cursor c set epoch = r.epoch from raised r where c.consumer = $1 and c.lane = r.lane`,
};

const setCursorsStatement: Statement = {
  name: "consumer-set-cursors",
  text: `update entente.cursor c set generation = $3, xid = p.xid, seq = p.seq
    from unnest($4::int2[], $5::xid8[], $6::int8[]) as p(lane, xid, seq)
    where c.consumer = $1 and c.journal = $2 and c.lane = p.lane`,
};

/**
 * Points the consumer's cursors in one journal elsewhere, as an operator decided; `positions` by lane. Owners keep their lanes
 * under new epochs: whoever moved a cursor from where it stood before is fenced, and reads again where it stands.
 */
export async function setCursors(
  connection: Connection,
  consumer: string,
  journal: string,
  generation: string,
  positions: readonly Position[],
): Promise<void> {
  await connection.run(raiseEpochs, [consumer]);
  await connection.run(setCursorsStatement, [
    consumer,
    journal,
    generation,
    int2Array(positions.map((_, lane) => lane)),
    xid8Array(positions.map(({ xid }) => xid)),
    int8Array(positions.map(({ seq }) => seq)),
  ]);
}
