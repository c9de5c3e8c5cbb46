import type { Database, Statement } from "../postgres/database.ts";

/**
 * Forgets idempotency keys whose keeping time is over, and the statistics of their processes by the minute. (What the keys were given
 * with leaves the journal: retention/expire-intake.ts.)
 * Keys have no index by age, because every accepted command would pay for it; instead the table is walked in slices,
 * one per turn, once per business day.
 */
export interface Expiry {
  /** One bounded piece of work. `now` is business time, epoch milliseconds. */
  turn(now: number): Promise<void>;
}

/** Pages of the key table looked at per turn: 8 MiB. */
const pagesPerTurn = 1_024;
const dayMs = 86_400_000;

const expireKeys: Statement = {
  name: "intake-expire-keys",
  text: "select entente.expire_idempotency(to_timestamp($1::float8 / 1000), $2, $3) as more",
};

const expireMinutes: Statement = {
  name: "intake-expire-minutes",
  text: "delete from entente.process_minute where minute < to_timestamp($1::float8 / 1000)",
};

export function openExpiry(database: Database, keptDays: number): Expiry {
  let walkedDay = 0;
  let nextPage = 0;
  return {
    async turn(now) {
      const day = Math.floor(now / dayMs);
      if (day === walkedDay) return;
      const [row] = await database.run<{ more: boolean }>(expireKeys, [
        now - keptDays * dayMs,
        nextPage,
        pagesPerTurn,
      ]);
      if (row?.more === true) {
        nextPage += pagesPerTurn;
        return;
      }
      await database.run(expireMinutes, [now - keptDays * dayMs]);
      nextPage = 0;
      walkedDay = day;
    },
  };
}
