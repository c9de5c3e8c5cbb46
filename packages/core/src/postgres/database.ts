import pg from "pg";
import { Failure } from "../model/failure.ts";
import { openPermits } from "./permits.ts";

/**
 * One context's database: a bounded pool, named prepared statements, transactions, and one place
 * that says what a database error means for the caller.
 */

/** A statement with a name: parsed and planned once per connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

export type Row = Record<string, unknown>;

/** A statement with its values, made before it is sent. */
export interface Write {
  readonly statement: Statement;
  readonly values: readonly unknown[];
  /** Hears its answer. Must not throw. */
  readonly told?: (rows: readonly Row[]) => void;
}

export async function runWrite(connection: Connection, { statement, values, told }: Write): Promise<void> {
  const rows = await connection.run(statement, values);
  told?.(rows);
}

export interface Connection {
  /** Runs one statement. Errors: those of `databaseFailure`. */
  run<R extends Row = Row>(statement: Statement, values?: readonly unknown[]): Promise<R[]>;
  /** As `run`, with each row as an array in column order: for hot reads, where making objects by column name shows. */
  runRows(statement: Statement, values?: readonly unknown[]): Promise<unknown[][]>;
  /** Runs text that is not worth preparing (DDL, one-offs). May hold several statements when no values are given. */
  execute<R extends Row = Row>(text: string, values?: readonly unknown[]): Promise<R[]>;
}

export interface DatabaseOptions {
  readonly url: string;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  /** Connections at most (default 5). */
  readonly connections?: number;
  /** Milliseconds a statement may take before the server cancels it (default 30,000). */
  readonly statementTimeoutMs?: number;
  /** Act as this role instead of the login. */
  readonly role?: string;
}

export interface Database extends Connection {
  readonly url: string;
  /**
   * Runs work in one READ COMMITTED transaction on one connection.
   * Guarantees: committed when it resolves; nothing kept when it throws anything but kind `unknown-outcome`
   * (the connection broke while COMMIT was under way).
   * Statements issued together (Promise.all) travel together, as do BEGIN with the first and COMMIT with `lastly`:
   * every round trip saved is two context switches less. `lastly` must be statements that fail when they are not satisfied.
   */
  transaction<T>(
    work: (connection: Connection) => Promise<T>,
    lastly?: (connection: Connection) => Promise<unknown>,
  ): Promise<T>;
  /** Takes a connection out of the pool for as long as needed, e.g. to LISTEN. Release it with `release`. */
  reserve(): Promise<ReservedConnection>;
  close(): Promise<void>;
}

export interface ReservedConnection extends Connection {
  readonly client: pg.PoolClient;
  release(broken?: boolean): void;
}

const timestamptzOid = 1184;

/** Times become epoch milliseconds; 64-bit numbers stay text because JavaScript numbers are too small for them. */
const parsers: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: "text" | "binary") =>
    oid === timestamptzOid && format !== "binary"
      ? (text: string) => Date.parse(`${text.slice(0, 10)}T${text.slice(11)}:00`)
      : pg.types.getTypeParser(oid, format as "text"),
};

/** Milliseconds to wait for a connection. */
const connectionMs = 5_000;

export function openDatabase(options: DatabaseOptions): Database {
  const statementTimeoutMs = options.statementTimeoutMs ?? 30_000;
  const most = options.connections ?? 5;
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: options.applicationName,
    max: most,
    idleTimeoutMillis: 30_000,
    connectionTimeoutMillis: connectionMs,
    // The server's own limit comes first; this one is for a network that swallows everything.
    ...(statementTimeoutMs === 0 ? {} : { query_timeout: statementTimeoutMs + 2_000 }),
    keepAlive: true,
    pipeline: true,
    types: parsers,
    // A reader's gate waits for the oldest writer of the whole server, so nobody may write for long.
    options:
      `-c statement_timeout=${statementTimeoutMs} ` +
      "-c idle_in_transaction_session_timeout=10000 -c transaction_timeout=60000 -c timezone=UTC " +
      // Statements are the same for every batch size; planning each batch anew cost more than running it.
      // And a plan made while a table was empty must not scan it when it has grown: every statement here has its index.
      "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off" +
      (options.role === undefined ? "" : ` -c role=${options.role}`),
  });
  // An idle connection that dies is replaced at the next use; without a listener it would end the process.
  pool.on("error", () => {});
  // A connection in use reports its loss as an event besides failing the query, from its first moment on; the query's
  // failure is what callers hear.
  pool.on("connect", (client) => client.on("error", () => {}));

  const permits = openPermits({ most, patienceMs: 10, longestMs: connectionMs });
  pool.on("remove", permits.closed);

  const connect = async (): Promise<pg.PoolClient> => {
    try {
      await permits.take();
      try {
        const client = await pool.connect();
        permits.connected();
        return client;
      } catch (error) {
        permits.failed(error);
        throw error;
      }
    } catch (error) {
      // Nothing was sent, so nothing can have happened: callers need not ask what became of it.
      throw new Failure("unavailable", "database-unavailable", "The database cannot be reached.", {
        cause: error,
        fields: { sent: false },
      });
    }
  };

  const withClient = async <T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> => {
    const client = await connect();
    let broken = false;
    try {
      return await work(client);
    } catch (error) {
      broken = error instanceof Failure && (error.kind === "unavailable" || error.kind === "unknown-outcome");
      throw error;
    } finally {
      client.release(broken);
      permits.give();
    }
  };

  const database: Database = {
    url: options.url,
    async run<R extends Row>(statement: Statement, values: readonly unknown[] = []) {
      return withClient((client) => runOn<R>(client, statement, values));
    },
    async runRows(statement: Statement, values: readonly unknown[] = []) {
      return withClient((client) => runRowsOn(client, statement, values));
    },
    async execute<R extends Row>(text: string, values?: readonly unknown[]) {
      return withClient((client) => executeOn<R>(client, text, values));
    },
    async transaction(work, lastly) {
      return withClient((client) => transactionOn(client, work, lastly));
    },
    async reserve() {
      const client = await connect();
      const release = (broken = false): void => {
        client.release(broken);
        permits.give();
      };
      return { ...connectionOn(client), client, release };
    },
    close: () => pool.end(),
  };
  return database;
}

async function transactionOn<T>(
  client: pg.PoolClient,
  work: (connection: Connection) => Promise<T>,
  lastly?: (connection: Connection) => Promise<unknown>,
): Promise<T> {
  const connection = connectionOn(client);
  const begun = executeOn(client, "BEGIN");
  let result: T;
  try {
    [, result] = await Promise.all([begun, work(connection)]);
  } catch (error) {
    await rollback(client, error);
    throw error;
  }
  const last = lastly === undefined ? undefined : lastly(connection);
  const [finished, committed] = await Promise.allSettled([last, client.query("COMMIT")]);
  if (committed.status === "rejected") {
    const failure = databaseFailure(committed.reason);
    if (failure.code !== "database-unavailable") throw failure;
    throw new Failure("unknown-outcome", "commit-unknown", "The connection broke while committing.", {
      cause: committed.reason,
    });
  }
  if (finished.status === "rejected") throw finished.reason;
  // PostgreSQL answers COMMIT of a failed transaction with ROLLBACK and no error.
  if (committed.value.command !== "COMMIT") {
    throw new Failure("defect", "database-defect", "A statement of the transaction failed unheard.");
  }
  return result;
}

async function rollback(client: pg.PoolClient, cause: unknown): Promise<void> {
  try {
    await client.query("ROLLBACK");
  } catch (error) {
    // The first error explains more; but a connection that cannot roll back must not go back to the pool.
    if (!(cause instanceof Failure)) throw databaseFailure(error);
  }
}

function connectionOn(client: pg.PoolClient): Connection {
  return {
    run: (statement, values = []) => runOn(client, statement, values),
    runRows: (statement, values = []) => runRowsOn(client, statement, values),
    execute: (text, values) => executeOn(client, text, values),
  };
}

async function runOn<R extends Row>(
  client: pg.PoolClient,
  statement: Statement,
  values: readonly unknown[],
): Promise<R[]> {
  try {
    const result = await client.query<R>({
      name: statement.name,
      text: statement.text,
      values: values as unknown[],
    });
    return result.rows;
  } catch (error) {
    throw databaseFailure(error);
  }
}

async function runRowsOn(
  client: pg.PoolClient,
  statement: Statement,
  values: readonly unknown[],
): Promise<unknown[][]> {
  try {
    const { name, text } = statement;
    const result = await client.query<unknown[]>({
      name,
      text,
      values: values as unknown[],
      rowMode: "array",
    });
    return result.rows;
  } catch (error) {
    throw databaseFailure(error);
  }
}

async function executeOn<R extends Row>(
  client: pg.PoolClient,
  text: string,
  values?: readonly unknown[],
): Promise<R[]> {
  try {
    const result = await client.query<R>(text, values as unknown[] | undefined);
    return result.rows;
  } catch (error) {
    throw databaseFailure(error);
  }
}

/** SQLSTATE raised by `entente.move_cursors` when another worker owns the lane by now. */
const fencedState = "EN001";

/**
 * What a database error means. Decided by SQLSTATE and socket code, never by message text.
 * - `database-unavailable` (unavailable): connection lost or refused, server shutting down, out of resources, deadlock, timeout.
 * - `lane-fenced` (conflict): the lane has another owner; drop the work.
 * - `partition-missing` (unavailable): make the month's partition, then repeat.
 * - `data-rejected` (defect): the data broke a constraint or type; the culprit must be found.
 * - `database-defect` (defect): anything else.
 */
export function databaseFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const state = sqlState(error);
  if (state === fencedState) {
    return new Failure("conflict", "lane-fenced", "Another worker took over this lane.", { cause: error });
  }
  if (state === null || /^(08|40|53|57|25P0[34]|55P03|58)/.test(state)) {
    return new Failure("unavailable", "database-unavailable", "The database did not answer.", {
      cause: error,
      fields: { sqlState: state },
    });
  }
  // A row without a partition violates a check that has no name, unlike every constraint of ours.
  if (state === "23514" && error instanceof pg.DatabaseError && error.constraint === undefined) {
    return new Failure(
      "unavailable",
      "partition-missing",
      "The journal has no partition for this month yet.",
      {
        cause: error,
      },
    );
  }
  if (/^2[23]/.test(state)) {
    return new Failure("defect", "data-rejected", "The database rejected the data.", {
      cause: error,
      fields: { sqlState: state },
    });
  }
  return new Failure("defect", "database-defect", "The database refused a statement.", {
    cause: error,
    fields: { sqlState: state },
  });
}

/** The five-character SQLSTATE of a server error, or null when the error came from the connection itself. */
export function sqlState(error: unknown): string | null {
  if (error instanceof pg.DatabaseError && typeof error.code === "string") return error.code;
  return null;
}
