/**
 * DBOS Transact: a queue partitioned by account with concurrency 1, polled every 10 ms (the default of 1 s would
 * measure the timer), tracing off. Edge and worker in one process: it needs about half a core, PostgreSQL the rest.
 *
 * Tuned (default): requests that arrive during a commit are enqueued together in one transaction of ours
 * (`enqueueInTransaction`, pipelined); the workflow debits without a step, which saves one write per command and is
 * safe only because the ledger refuses a second debit; workflows that run at the same time share a transaction.
 * As documented: `enqueue` per request, the debit in `DBOS.runStep`.
 *
 * No data source: @dbos-inc/postgres-datasource 4.24 imports names that 5.3 of the SDK no longer exports.
 */
import { DBOS, DBOSClient } from "@dbos-inc/dbos-sdk";
import pg from "pg";
import { edge } from "./edge.ts";
import { asDocumented, type Command, databaseUrl, grouped, poolSize, run } from "./job.ts";
import { debiting, prepare, stateOf } from "./ledger.ts";

const name = "bench";
const queueName = "top-up";
const workflowName = "topUp";
const appVersion = "1";
const ledgerConnections = 4;
const clientConnections = 5;

const pool = new pg.Pool({ connectionString: databaseUrl, max: ledgerConnections });
await prepare(pool);
const debit = debiting(pool);
DBOS.registerWorkflow(
  (command: Command): Promise<void> =>
    asDocumented ? DBOS.runStep(() => debit(command), { name: "debit" }) : debit(command),
  { name: workflowName },
);
DBOS.setConfig({
  name,
  systemDatabaseUrl: databaseUrl,
  systemDatabasePoolSize: poolSize - ledgerConnections - clientConnections - 1,
  applicationVersion: appVersion,
  logLevel: "warn",
  tracingEnabled: false,
});

async function work(): Promise<void> {
  await DBOS.launch();
  await DBOS.registerQueue(queueName, {
    partitionConcurrency: 1,
    minPollingIntervalMs: 10,
    onConflict: "always_update",
  });
}
await work();

// The edge enqueues through a client, which goes on while the worker is shut down.
const client = await DBOSClient.create({
  systemDatabaseUrl: databaseUrl,
  systemDatabasePoolSize: clientConnections,
  applicationName: name,
});
const optionsOf = ({ id, accountId }: Command) => ({
  workflowName,
  queueName,
  workflowID: id,
  queuePartitionKey: accountId,
  appVersion,
});

const writerOptions: pg.ClientConfig & { pipeline: boolean } = {
  connectionString: databaseUrl,
  pipeline: true,
};
const writer = new pg.Client(writerOptions);
await writer.connect();
const enqueueTogether = grouped<Command>(async (commands) => {
  const sent: Promise<unknown>[] = [writer.query("begin")];
  for (const command of commands) sent.push(client.enqueueInTransaction(writer, optionsOf(command), command));
  try {
    await Promise.all(sent);
    await writer.query("commit");
  } catch (cause) {
    await writer.query("rollback");
    throw cause;
  }
});

async function enqueue(command: Command): Promise<void> {
  await client.enqueue(optionsOf(command), command);
}

const { url, wire, app } = await edge(asDocumented ? enqueue : enqueueTogether, (id) => stateOf(pool, id));

await run({
  url,
  wire,
  pause: () => DBOS.shutdown(),
  resume: work,
  stop: async () => {
    await app.close();
    await DBOS.shutdown();
    await client.destroy();
    await Promise.all([pool.end(), writer.end()]);
  },
});
