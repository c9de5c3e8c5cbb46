/** Systems of a test file on a real server: stopped with the test that started them, and removed when every test has passed. */
import { randomBytes } from "node:crypto";
import { after, afterEach, beforeEach } from "node:test";
import { seededRandom, testServer } from "@entente/testkit";
import pg from "pg";
import type { SystemDefinition } from "../context/definition.ts";
import { type System, type SystemOptions, startSystem } from "../context/system.ts";
import { ensurePartitions } from "../journal/partitions.ts";
import { type Database, type DatabaseOptions, openDatabase } from "../postgres/database.ts";
import { type ContextAccess, provisionContext } from "../postgres/provision.ts";
import { type Happenings, openHappenings } from "./happenings.fixture.ts";

export interface StartedSystem {
  readonly system: System;
  readonly happenings: Happenings;
}

/** The databases of a system without anything at work in them. */
export interface Stage {
  readonly name: string;
  /** With the context's own login, or the one that may only read its journal. The same connections at every call. */
  database(context: string, as?: keyof ContextAccess): Database;
  /** Connections of one's own, for instance through a fault proxy. */
  connect(
    context: string,
    as?: keyof ContextAccess,
    how?: Partial<DatabaseOptions> & { readonly through?: (url: string) => string },
  ): Database;
}

export interface TestBed {
  readonly adminUrl: string;
  /** A name for a system of this file; its databases and roles are removed at the end. */
  newName(): string;
  start(definition: SystemDefinition, options?: Partial<SystemOptions>): Promise<StartedSystem>;
  /** Databases, roles and this month's partitions, as a start would make them. */
  stage(definition: SystemDefinition): Promise<Stage>;
  /** SQL as the administrator in a context's database. */
  sql<Row extends pg.QueryResultRow>(
    system: string,
    context: string,
    text: string,
    values?: readonly unknown[],
  ): Promise<Row[]>;
  /** Administrator's URL of a context's database. */
  urlOf(system: string, context: string): string;
  /** Closed at the end of the test, or of the file when no test has begun; before the databases go. */
  atEnd(action: () => Promise<unknown>): void;
}

/** Call once at the top of a test file. Prints the seed that decides jitter and shards. */
export async function openTestBed(): Promise<TestBed> {
  const adminUrl = await testServer();
  const seed = Number(process.env.TEST_SEED ?? randomBytes(4).readUInt32BE());
  console.log(`# TEST_SEED=${seed}`);
  const random = seededRandom(seed);
  const names: string[] = [];
  const endings: (() => Promise<unknown>)[] = [];
  const sessions = new Map<string, pg.Pool>();
  let allPassed = true;

  const before: number[] = [];
  const endFrom = async (first: number): Promise<void> => {
    for (const end of endings.splice(first).reverse()) await end();
  };
  beforeEach(() => void before.push(endings.length));
  // What a test has started works only as long as the test does: idle systems would take the processor from the next ones.
  afterEach(async (test) => {
    if ("passed" in test && !test.passed) allPassed = false;
    await endFrom(before.pop() ?? 0);
  });
  after(async () => {
    await endFrom(0);
    for (const session of sessions.values()) await session.end();
    // A server of this file's own goes as a whole.
    if (process.env.ENTENTE_TEST_DATABASE_URL === undefined) return;
    if (allPassed) await removeSystems(adminUrl, names);
    else console.log(`# kept for inspection: ${names.join(", ")}`);
  });

  const urlOf = (system: string, context: string): string => {
    const url = new URL(adminUrl);
    url.pathname = `/${system}_${context}`;
    return url.href;
  };
  return {
    adminUrl,
    newName() {
      const name = `t_${randomBytes(4).toString("hex")}`;
      names.push(name);
      return name;
    },
    async start(definition, options = {}) {
      const happenings = openHappenings();
      const { report, probe } = happenings;
      const system = await startSystem({
        definition,
        adminUrl,
        random: () => random.next(),
        report,
        probe,
        ...options,
      });
      let stopped: Promise<void> | null = null;
      const stop = (): Promise<void> => {
        stopped ??= system.stop();
        return stopped;
      };
      endings.push(stop);
      return { system: { ...system, stop }, happenings };
    },
    async stage(definition) {
      const access = new Map<string, ContextAccess>();
      const databases = new Map<string, Database>();
      // They live as long as the stage, whoever asks for them first.
      const connected: Database[] = [];
      endings.push(() => Promise.all(connected.map((database) => database.close())));
      const connect: Stage["connect"] = (
        context,
        as = "app",
        { through = (url: string) => url, ...how } = {},
      ) => {
        const url = access.get(context)?.[as];
        if (url === undefined) throw new Error(`no context ${context}`);
        const database = openDatabase({
          applicationName: `${definition.name} test`,
          ...how,
          url: through(url),
        });
        connected.push(database);
        return database;
      };
      const stage: Stage = {
        name: definition.name,
        connect,
        database(context, as = "app") {
          const name = `${context}/${as}`;
          const known = databases.get(name) ?? connect(context, as);
          databases.set(name, known);
          return known;
        },
      };
      for (const context of definition.contexts) {
        const given = await provisionContext({
          system: definition.name,
          context: context.name,
          adminUrl,
          ...(context.intake === undefined ? {} : { journalKeptDays: 90, isIntake: true }),
          ...(context.migrations === undefined ? {} : { migrations: context.migrations }),
        });
        access.set(context.name, given);
        await ensurePartitions(stage.database(context.name), Date.now());
      }
      return stage;
    },
    async sql<Row extends pg.QueryResultRow>(
      system: string,
      context: string,
      text: string,
      values: readonly unknown[] = [],
    ) {
      const connectionString = urlOf(system, context);
      let session = sessions.get(connectionString);
      if (session === undefined) {
        session = new pg.Pool({ connectionString, max: 1 });
        session.on("error", () => {});
        sessions.set(connectionString, session);
      }
      return (await session.query<Row>(text, [...values])).rows;
    },
    urlOf,
    atEnd: (action) => void endings.push(action),
  };
}

async function removeSystems(adminUrl: string, names: readonly string[]): Promise<void> {
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    for (const name of names) {
      const databases = await admin.query<{ name: string }>(
        "select datname as name from pg_database where datname like $1",
        [`${name}\\_%`],
      );
      for (const database of databases.rows) await admin.query(`drop database ${database.name} with (force)`);
      const roles = await admin.query<{ name: string }>(
        "select rolname as name from pg_roles where rolname like $1",
        [`${name}\\_%`],
      );
      // In one statement, because one may have granted the others.
      if (roles.rows.length > 0)
        await admin.query(`drop role ${roles.rows.map((role) => role.name).join(", ")}`);
    }
  } finally {
    await admin.end();
  }
}

/** A context's database, or the reader's view of its journal. */
export function databaseOf(system: System, context: string, as: "app" | "reader" = "app"): Database {
  const reachable = system.contexts.get(context);
  if (reachable === undefined) throw new Error(`no context ${context}`);
  return as === "app" ? reachable.database : reachable.journal;
}
