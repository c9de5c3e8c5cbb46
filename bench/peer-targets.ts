/** The targets that live in `bench/peers`. */
import { type Peer, startPeer } from "./peer-process.ts";
import type { Target } from "./target.ts";

const docs = { BENCH_VARIANT: "docs" };
const floorRows = `insert into command (command_id, account_id, condenser_id, units, confirmed)
  select command_id, account_id, 'car-0001', units, true from ledger`;
const pgBossRows = `insert into pgboss.job (id, name, data, state, policy, singleton_key, started_on, completed_on)
  select command_id, 'top-up', jsonb_build_object('units', units, 'accountId', account_id, 'condenserId', 'car-0001'),
    'completed', 'key_strict_fifo', account_id, now(), now() from ledger`;
const dbosRows = `insert into dbos.workflow_status (workflow_uuid, status, name, queue_name, queue_partition_key,
    application_version, application_name, serialization, completed_at)
  select command_id, 'SUCCESS', 'topUp', 'top-up', account_id, '1', 'bench', 'js_superjson', 0 from ledger`;
const restateRows = {
  skipped: "its history lives in its own log and RocksDB files, which only running the commands can fill",
};

const peers: Peer[] = [
  {
    name: "floor",
    file: "floor.ts",
    about: "hand-written SQL, one process, no durable-runtime features: what the machine can do",
    preload: { sql: floorRows },
  },
  {
    name: "pg-boss",
    file: "pg-boss.ts",
    about: "pg-boss 12.35, key_strict_fifo, transactional worker; tuned (grouped inserts, batches of 1,000)",
    preload: { sql: pgBossRows },
  },
  {
    name: "pg-boss-docs",
    file: "pg-boss.ts",
    about: "pg-boss 12.35 as documented (one send per request, three workers, batches of 100)",
    env: docs,
    preload: { sql: pgBossRows },
  },
  {
    name: "dbos",
    file: "dbos.ts",
    about: "DBOS 5.3, partitioned queue; tuned (grouped enqueues, no step, shared debit transactions)",
    preload: { sql: dbosRows },
  },
  {
    name: "dbos-docs",
    file: "dbos.ts",
    about: "DBOS 5.3 as documented (one enqueue per request, debit in a step)",
    env: docs,
    preload: { sql: dbosRows },
  },
  {
    name: "restate",
    file: "restate.ts",
    about: "Restate 1.7, virtual object, direct ingress; tuned (no ctx.run, shared debit transactions)",
    preload: restateRows,
  },
  {
    name: "restate-docs",
    file: "restate.ts",
    about: "Restate 1.7 as documented (ctx.run around each debit), direct ingress",
    env: docs,
    preload: restateRows,
  },
  {
    name: "restate-edge",
    file: "restate.ts",
    about: "Restate 1.7, tuned, with the Fastify edge in front",
    env: { BENCH_EDGE: "1" },
    preload: restateRows,
  },
];

/** All targets of `bench/peers`. The floor needs nothing installed there; the others do. */
export const peerTargets: Target[] = peers.map((peer) => ({
  name: peer.name,
  about: peer.about,
  start: (context) => startPeer(peer, context),
}));
