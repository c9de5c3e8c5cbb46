/** A system around one treaty that follows or asks, on a database of its own, in business time that tests move. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import {
  type FalloutCase,
  type FollowingTreaty,
  type Outside,
  type ReadingTreaty,
  type System,
  startSystem,
  type TreatyEvent,
} from "@entente/core";
import { testServer } from "../test-server.ts";
import type { RecordsCounterparty } from "./records-counterparty.ts";
import { comes, removeDatabases } from "./stage-database.ts";

export interface RecordsOptions {
  /** Values of the treaty's credentials by name, fit for the counterparty of the tests. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Where the treaty may connect to (default: the loopback interface). */
  readonly egress?: NonNullable<Outside["egress"]>[string];
  /** Longest wait for one answer, real time: the treaty's own limit is cut to it (default 1,000). */
  readonly answerWithinMs?: number;
  /** Longest wait for anything to happen, real time (default 10,000). */
  readonly patienceMs?: number;
}

export interface RecordsStage {
  readonly system: System;
  readonly owner: string;
  readonly counterparty: RecordsCounterparty;
  /** Everything that was reported so far. */
  readonly lines: readonly TreatyEvent[];
  /** A name for another record, the same in no other run. Ends in a number that counts up. */
  newId(): string;
  until(what: string, condition: () => boolean | Promise<boolean>): Promise<void>;
  /** Our clock alone. */
  moveTime(ms: number): Promise<void>;
  /** Ends the program; what `between` does happens while nobody listens; then it starts again. */
  restart(between?: () => Promise<void>, egress?: RecordsOptions["egress"]): Promise<void>;
  rows<Row extends Record<string, unknown>>(text: string, values: readonly unknown[]): Promise<Row[]>;
  /** The code it is stopped by; null: by a person. Undefined: it is in force. */
  stoppedBy(): Promise<string | null | undefined>;
  cases(tenantId: string): Promise<readonly FalloutCase[]>;
  /** Nothing is asked of them, though time moves on. */
  asksNothing(): Promise<void>;
  /** Refused credentials: the treaty has stopped with one open case, told once, and asks nothing any more. Returns the case. */
  stopsOnce(tenantId: string): Promise<FalloutCase>;
  /** A person lets it go on, by the case or by the switch of the runbook. */
  letGoOn(tenantId: string, caseId: string): Promise<void>;
  setStopped(tenantId: string, stopped: boolean): Promise<void>;
  /** Nothing reported since a place in the lines holds a secret or one of these texts; no secret is stored anywhere. */
  assertNothingLeaked(since: number, texts: readonly string[]): Promise<void>;
  close(passed: boolean): Promise<void>;
}

export const person = { by: "conformance", why: "the conformance suite acts for a person" };
/** How long nothing must happen for the suite to believe that nothing happens (real ms). Time that moves wakes everybody at once. */
const restingMs = 200;

export async function openRecordsStage(
  treaty: FollowingTreaty | ReadingTreaty,
  counterparty: RecordsCounterparty,
  options: RecordsOptions,
): Promise<RecordsStage> {
  const adminUrl = await testServer();
  const name = `c_${randomBytes(4).toString("hex")}`;
  const owner = "owner";
  const patienceMs = options.patienceMs ?? 10_000;
  const lines: TreatyEvent[] = [];
  const secrets = options.secrets ?? {};
  let named = 0;
  const start = (egress = options.egress ?? { privateRanges: ["127.0.0.0/8", "::1/128"] }): Promise<System> =>
    startSystem({
      adminUrl,
      definition: {
        name,
        contexts: [
          { name: "front", intake: { processes: [], factsFrom: [owner] } },
          { name: owner, treaties: [treaty] },
        ],
      },
      outside: {
        secret(_treaty, secret) {
          const value = secrets[secret];
          if (value === undefined) throw new Error(`the options of the suite name no secret "${secret}"`);
          return value;
        },
        report: (event) => void lines.push(event),
        egress: { [treaty.name]: egress },
      },
    });
  let system = await start();
  const database = () => {
    const reachable = system.contexts.get(owner);
    if (reachable === undefined) throw new Error(`no context ${owner}`);
    return reachable.database;
  };
  const refusals = () =>
    lines.filter((line) => line.event === "case" && line.kind === "credentials-refused").length;
  let refusalsBefore = 0;

  const stage: RecordsStage = {
    get system() {
      return system;
    },
    owner,
    counterparty,
    lines,
    newId: () => `${name.replace("_", "")}-${++named}`,
    async until(what, condition) {
      if (!(await comes(condition, patienceMs))) throw new Error(`waited ${patienceMs} ms for ${what}`);
    },
    moveTime: (ms) => system.setClock(system.clock.now() + Math.ceil(ms)),
    async restart(between, egress) {
      await system.stop();
      await between?.();
      system = await start(egress);
    },
    rows: <Row extends Record<string, unknown>>(text: string, values: readonly unknown[]) =>
      database().execute<Row>(text, [...values]),
    async stoppedBy() {
      const own = (await system.treaties.states(owner)).find((state) => state.treaty === treaty.name);
      return own?.stopped === true ? own.code : undefined;
    },
    cases: (tenantId) => system.treaties.cases(owner, tenantId, 1_000),
    async asksNothing() {
      const before = await counterparty.asked();
      await stage.moveTime(25 * 3_600_000);
      await new Promise((resolve) => setTimeout(resolve, restingMs));
      assert.equal(
        await counterparty.asked(),
        before,
        "they were asked something while the treaty is stopped",
      );
    },
    async stopsOnce(tenantId) {
      await stage.until(
        "refused credentials to stop the treaty",
        async () => (await stage.stoppedBy()) !== undefined,
      );
      assert.notEqual(await stage.stoppedBy(), null, "it was not a refusal that stopped it");
      await stage.until(
        "somebody to be told that credentials were refused",
        () => refusals() > refusalsBefore,
      );
      await stage.asksNothing();
      const open = (await stage.cases(tenantId)).filter(({ kind }) => kind === "credentials-refused");
      assert.equal(open.length, 1, "refused credentials are one case");
      assert.notEqual(open[0]?.owner ?? "", "");
      assert.equal(refusals() - refusalsBefore, 1, "refused credentials are told once");
      refusalsBefore = refusals();
      return open[0] as FalloutCase;
    },
    async letGoOn(tenantId, caseId) {
      const decision = { ...person, tenantId, caseId, act: "resume-treaty" } as const;
      await system.treaties.decideCase(owner, decision);
      refusalsBefore = refusals();
    },
    setStopped: (tenantId, stopped) =>
      system.treaties.setStopped(treaty.name, stopped, { ...person, tenantId }),
    async assertNothingLeaked(since, texts) {
      const reported = JSON.stringify(lines.slice(since));
      const values = Object.values(secrets).filter((value) => value !== "");
      for (const text of [...texts, ...values])
        assert.ok(
          !reported.includes(text),
          `what is reported holds ${values.includes(text) ? "a secret" : text}`,
        );
      for (const value of values) {
        const found = await stage.rows(
          `select 1 from entente.journal where strpos(data::text, $1) > 0
           union all select 1 from entente.fallout_case where strpos(says || coalesce(code, ''), $1) > 0 limit 1`,
          [value],
        );
        assert.equal(found.length, 0, "a secret is stored");
      }
    },
    async close(passed) {
      await counterparty.behaveWell();
      await system.stop();
      if (passed) await removeDatabases(adminUrl, name);
      else console.log(`# kept for inspection: databases ${name}_*`);
    },
  };
  return stage;
}
