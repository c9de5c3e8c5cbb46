/**
 * pg-boss: order per account by `key_strict_fifo`, exactly-once effect by a transactional worker (the ledger commits
 * with the job's completion), own partition, NOTIFY. The job id is the command id, so no table of ours is needed.
 * One process for edge and worker: it needs about half a core at its highest rate, so a second one has nothing to win.
 *
 * Tuned (default): requests that arrive during an insert share the next `insert`; batches of up to 1,000; the worker
 * is woken inside the process (`notifyWorker`) after each insert, instead of by a NOTIFY in every commit, and after
 * each batch, because successors of a key would otherwise wait for the half-second poll.
 * As documented: one `send` per request, NOTIFY, batches of 100, three workers.
 *
 * Version: `key_strict_fifo` in 12.27 claims the oldest N jobs even when two share a key, which violates its own
 * unique index: such a batch comes back empty. 12.35 claims one head per key. 12.38 could not be installed when this
 * was written (it asks for a release of rrule-temporal that is not published).
 */
import pg from "pg";
import { PgBoss } from "pg-boss";
import { edge } from "./edge.ts";
import { asDocumented, type Command, databaseUrl, grouped, poolSize, run, type TopUp } from "./job.ts";
import { columns, debitMany, prepare, stateOf } from "./ledger.ts";

const queue = "top-up";
const readers = 4;
const [batchSize, localConcurrency] = asDocumented ? [100, 3] : [1000, 1];

const pool = new pg.Pool({ connectionString: databaseUrl, max: readers });
await prepare(pool);
const boss = new PgBoss({
  connectionString: databaseUrl,
  max: poolSize - readers,
  schedule: false,
  useListenNotify: asDocumented,
});
boss.on("error", (error) => console.error(error));
await boss.start();
await boss.createQueue(queue, {
  policy: "key_strict_fifo",
  partition: true,
  notify: asDocumented,
  retryLimit: 10,
});

async function send({ id, ...data }: Command): Promise<void> {
  await boss.send(queue, data, { id, singletonKey: data.accountId });
}

let worker = "";

const sendTogether = grouped<Command>(async (commands) => {
  const unique = [...new Map(commands.map((command) => [command.id, command])).values()];
  const jobs = unique.map(({ id, ...data }) => ({ id, data, singletonKey: data.accountId }));
  await boss.insert(queue, jobs, { returnId: false });
  boss.notifyWorker(worker);
});

const options = {
  transactional: true,
  batchSize,
  localConcurrency,
  burstWhenBatchFull: true,
  pollingIntervalSeconds: 0.5,
  notifyPollingIntervalSeconds: 0.5,
} as const;

async function work(): Promise<void> {
  worker = await boss.work<TopUp, void, typeof options>(queue, options, async (jobs, tx) => {
    const { ids, accountIds, units } = columns(jobs.map((job) => ({ ...job.data, id: job.id })));
    await tx.executeSql(debitMany, [ids, accountIds, units]);
    if (!asDocumented) boss.notifyWorker(worker);
  });
}

await work();
const { url, wire, app } = await edge(asDocumented ? send : sendTogether, (id) => stateOf(pool, id));

await run({
  url,
  wire,
  pause: () => boss.offWork(queue, { wait: true }),
  resume: work,
  stop: async () => {
    await app.close();
    await boss.stop({ graceful: false });
    await pool.end();
  },
});
