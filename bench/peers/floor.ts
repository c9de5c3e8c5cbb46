/**
 * The floor: the job written by hand with plain SQL for maximum speed. One process; group insert; decisions in
 * memory; one transaction for up to 500 commands; wake-up inside the process. It has no journal, no lanes, no
 * fencing, no refusals, no parking, no process view beyond one status column: it says what the machine can do.
 */
import pg from "pg";
import { edge } from "./edge.ts";
import { type Command, databaseUrl, grouped, poolSize, run } from "./job.ts";
import { prepare, priceMinor } from "./ledger.ts";

type Pending = { seq: string; command_id: string; account_id: string; units: number };
type Account = {
  account_id: string;
  quota_units: string;
  used_units: string;
  on_demand_minor: string;
  seq: string;
};

const pool = new pg.Pool({ connectionString: databaseUrl, max: poolSize - 2 });
const writer = new pg.Client({ connectionString: databaseUrl });
const decider = new pg.Client({ connectionString: databaseUrl });
await Promise.all([writer.connect(), decider.connect()]);
await prepare(pool);
await pool.query(`
  create table if not exists command (
    seq bigint generated always as identity, command_id uuid primary key, account_id text not null,
    condenser_id text not null, units int not null, confirmed boolean not null default false);
  create index if not exists command_pending on command (seq) where not confirmed`);

/** One flusher and one connection, so that `seq` order is commit order and no reader can skip a late commit. */
const accept = grouped<Command>(async (commands) => {
  await writer.query({
    name: "accept",
    text: `insert into command (command_id, account_id, condenser_id, units)
           select * from unnest($1::uuid[], $2::text[], $3::text[], $4::int[]) on conflict do nothing`,
    values: [
      commands.map((c) => c.id),
      commands.map((c) => c.accountId),
      commands.map((c) => c.condenserId),
      commands.map((c) => c.units),
    ],
  });
  wake();
});

/** Ledger, accounts and marks are written by one statement, hence one transaction and one round trip. */
const settle = `
  with entry as (
    insert into ledger (command_id, account_id, seq, units, quota_units, on_demand_minor)
    select * from unnest($1::uuid[], $2::text[], $3::bigint[], $4::int[], $5::int[], $6::bigint[])),
  debited as (
    update account set used_units = n.used_units, on_demand_minor = n.on_demand_minor, seq = n.seq
    from unnest($7::text[], $8::bigint[], $9::bigint[], $10::bigint[]) as n (account_id, used_units, on_demand_minor, seq)
    where account.account_id = n.account_id)
  update command set confirmed = true where command_id = any($1::uuid[])`;

async function decide(): Promise<number> {
  const { rows: pending } = await decider.query<Pending>({
    name: "pending",
    text: "select seq, command_id, account_id, units from command where not confirmed order by seq limit 500",
  });
  if (pending.length === 0) return 0;
  const ids = [...new Set(pending.map((row) => row.account_id))];
  const { rows } = await decider.query<Account>({
    name: "accounts",
    text: "select account_id, quota_units, used_units, on_demand_minor, seq from account where account_id = any($1)",
    values: [ids],
  });
  const accounts = new Map(
    rows.map((row) => [
      row.account_id,
      {
        id: row.account_id,
        quota: Number(row.quota_units),
        used: Number(row.used_units),
        minor: Number(row.on_demand_minor),
        seq: Number(row.seq),
      },
    ]),
  );
  const entries = pending.map((row) => {
    const account = accounts.get(row.account_id);
    if (account === undefined) throw new Error(`no account ${row.account_id}`);
    const paid = Math.max(0, Math.min(row.units, account.quota - account.used));
    const minor = (row.units - paid) * priceMinor;
    account.used += row.units;
    account.minor += minor;
    account.seq += 1;
    return { id: row.command_id, account: row.account_id, seq: account.seq, units: row.units, paid, minor };
  });
  const changed = [...accounts.values()];
  await decider.query({
    name: "settle",
    text: settle,
    values: [
      entries.map((e) => e.id),
      entries.map((e) => e.account),
      entries.map((e) => e.seq),
      entries.map((e) => e.units),
      entries.map((e) => e.paid),
      entries.map((e) => e.minor),
      changed.map((a) => a.id),
      changed.map((a) => a.used),
      changed.map((a) => a.minor),
      changed.map((a) => a.seq),
    ],
  });
  return pending.length;
}

let signal: (() => void) | undefined;
let signalled = true;
let paused = false;
let idle = Promise.resolve();

function wake(): void {
  signalled = true;
  signal?.();
}

async function loop(): Promise<void> {
  while (!paused) {
    signalled = false;
    if ((await decide()) > 0 || signalled) continue;
    await new Promise<void>((resolve) => {
      signal = resolve;
    });
    signal = undefined;
  }
}

idle = loop();
const { url, wire, app } = await edge(accept, async (id) => {
  const text = "select confirmed from command where command_id = $1";
  const found = await pool.query<{ confirmed: boolean }>({ name: "state", text, values: [id] });
  return found.rows[0]?.confirmed === true ? "confirmed" : "queued";
});

await run({
  url,
  wire,
  pause: async () => {
    paused = true;
    wake();
    await idle;
  },
  resume: async () => {
    paused = false;
    idle = loop();
  },
  stop: async () => {
    await app.close();
    await Promise.all([pool.end(), writer.end(), decider.end()]);
  },
});
