/** One test's view of a treaty that follows: what it changes over there, what our context was told, and whether both are the same in the end. */
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import type { DomainCommand, FollowingTreaty, JsonObject } from "@entente/core";
import { validatorOf } from "@entente/core/internal";
import { type Edition, editions, type RecordsCounterparty } from "./records-counterparty.ts";
import type { RecordsOptions, RecordsStage } from "./records-stage.ts";

export interface FollowingOptions extends RecordsOptions {
  /**
   * What the context must be told when the record has this content over there, in our words and without `heard`; another thing for every id and
   * edition. It is what the treaty is held against, so it must not be made by the treaty's own functions. Pure.
   */
  readonly tells: (id: string, edition: Edition) => DomainCommand;
  /** What it must be told when the record is not there any more. Pure. */
  readonly tellsGone: (id: string) => DomainCommand;
}

/** One content that was told of a record; `gone`: that it is not there any more. */
export type Told = Edition | "gone";

export interface FollowedScene {
  readonly stage: RecordsStage;
  readonly treaty: FollowingTreaty;
  readonly counterparty: RecordsCounterparty;
  readonly options: FollowingOptions;
  /** A record of this test, which is not there yet. */
  record(): string;
  /** Records that are there, and of which the context was told. */
  known(count: number): Promise<readonly string[]>;
  put(id: string, edition: Edition): Promise<void>;
  remove(id: string): Promise<void>;
  told(id: string): Promise<readonly Told[]>;
  /** Waits until just this was told of the record, and expects that nothing follows until the test is over. */
  becomes(id: string, ...told: readonly Told[]): Promise<void>;
  /** Waits until it was told last; what was told before it only ever went on. */
  endsAt(id: string, last: Told): Promise<void>;
  /** Everything that happened over there until now was heard. */
  caughtUp(): Promise<void>;
  /** How often somebody was told that they could not be heard. */
  troubles(): number;
  /** What the feed was left at. */
  feed(): ReturnType<RecordsStage["system"]["treaties"]["feeds"]>;
  /** Something that is neither what is over there nor anything else we know of may be told in this test. */
  mayBeStrange(): void;
  /** What is told of all records so far, by name. */
  toldOfAll(): Promise<ReadonlyMap<string, readonly Told[]>>;
  /** What was told of the records of this test is what is over there, and nothing else was told. */
  compareWithTruth(): Promise<void>;
}

interface ToldRow extends Record<string, unknown> {
  readonly tenantId: string;
  readonly key: string;
  readonly type: string;
  readonly schemaVersion: string;
  readonly processId: string;
  readonly data: JsonObject & { readonly heard: JsonObject & { readonly place: string | null } };
}

/** What a suite knows beyond one test. */
export interface FollowedRun {
  /** Every record of its tests so far. */
  readonly ids: string[];
  /** Where the journal stood before the first test. */
  readonly before: { readonly xid: string; readonly seq: string };
}

/** What was told since the suite began, in order. */
async function toldRows(
  stage: RecordsStage,
  { name }: FollowingTreaty,
  { xid, seq }: FollowedRun["before"],
): Promise<readonly ToldRow[]> {
  return stage.rows<ToldRow>(
    `select tenant_id as "tenantId", key, type, schema_version as "schemaVersion", process_id as "processId", data from entente.journal
     where (xid, seq) > ($2::xid8, $3::bigint) and kind = 'command' and data->'heard'->>'treaty' = $1 order by xid, seq`,
    [name, xid, seq],
  );
}

/** Of a suite that begins now. */
export async function openFollowedRun(stage: RecordsStage): Promise<FollowedRun> {
  const [last] = await stage.rows<{ xid: string; seq: string }>(
    "select xid::text, seq::text from entente.journal order by entente.journal.xid desc, entente.journal.seq desc limit 1",
    [],
  );
  return { ids: [], before: last ?? { xid: "0", seq: "0" } };
}

export async function openFollowedScene(
  stage: RecordsStage,
  treaty: FollowingTreaty,
  options: FollowingOptions,
  run: FollowedRun,
): Promise<FollowedScene> {
  const { counterparty } = stage;
  const rows = () => toldRows(stage, treaty, run.before);
  const toldBefore = (await rows()).length;
  const own = new Map<string, readonly Told[] | null>();
  const since = stage.lines.length;
  let isStrange = false;

  const wordsOf = (id: string): readonly (readonly [Told, DomainCommand])[] => [
    ...editions.map((edition) => [edition, options.tells(id, edition)] as const),
    ["gone", options.tellsGone(id)],
  ];
  const isSo = (row: ToldRow, { type, schemaVersion, key, processId, data }: DomainCommand): boolean => {
    const { heard: _heard, ...said } = row.data;
    return (
      row.tenantId === treaty.tenantId &&
      row.type === type &&
      row.schemaVersion === schemaVersion &&
      row.key === key &&
      (processId === undefined || row.processId === processId) &&
      isDeepStrictEqual(said, data)
    );
  };
  const saidOf = (rows: readonly ToldRow[], id: string): readonly Told[] => {
    const words = wordsOf(id);
    return rows.flatMap((row) => words.find(([, command]) => isSo(row, command))?.[0] ?? []);
  };
  const shown = (told: readonly Told[]): string => `[${told.join(", ")}]`;

  async function expect(id: string, what: string, isIt: (told: readonly Told[]) => boolean): Promise<void> {
    let last: readonly Told[] = [];
    try {
      await stage.until(what, async () => {
        last = await scene.told(id);
        return isIt(last);
      });
    } catch (error) {
      throw new Error(`${(error as Error).message}, and was told ${shown(last)}`);
    }
    own.set(id, last);
  }

  const scene: FollowedScene = {
    stage,
    treaty,
    counterparty,
    options,
    record() {
      const id = stage.newId();
      own.set(id, null);
      run.ids.push(id);
      return id;
    },
    async known(count) {
      const ids = Array.from({ length: count }, () => scene.record());
      for (const id of ids) await scene.put(id, 0);
      for (const id of ids) await scene.becomes(id, 0);
      return ids;
    },
    put: (id, edition) => counterparty.put(id, edition),
    remove: (id) => counterparty.remove(id),
    told: async (id) => saidOf(await rows(), id),
    becomes: (id, ...told) =>
      expect(id, `${id} to be told as ${shown(told)}`, (last) => isDeepStrictEqual(last, told)),
    async endsAt(id, last) {
      await expect(id, `${id} to be told as ${last} at last`, (told) => told.at(-1) === last);
      const order: readonly Told[] = [...editions, "gone"];
      const steps = (own.get(id) ?? []).map((told) => order.indexOf(told));
      const isRising = steps.every((step, i) => i === 0 || step > (steps[i - 1] as number));
      assert.ok(isRising, `${id} went back: it was told ${shown(own.get(id) ?? [])}`);
    },
    async caughtUp() {
      const mark = scene.record();
      await scene.put(mark, 0);
      await scene.becomes(mark, 0);
    },
    troubles: () => stage.lines.slice(since).filter(({ event }) => event === "courier-trouble").length,
    feed: () => stage.system.treaties.feeds(stage.owner),
    async toldOfAll() {
      const all = await rows();
      return new Map(run.ids.map((id) => [id, saidOf(all, id)]));
    },
    mayBeStrange() {
      isStrange = true;
    },
    async compareWithTruth() {
      await scene.caughtUp();
      const all = await rows();
      const present = await counterparty.present([...own.keys()]);
      for (const [id, expected] of own) {
        const told = saidOf(all, id);
        if (expected !== null)
          assert.deepEqual(told, expected, `${id} was told again after everything had been told`);
        const last = told.at(-1) ?? "gone";
        assert.equal(last, present.get(id) ?? "gone", `${id} is not over there as the context was told last`);
      }
      const known = run.ids.flatMap((id) => wordsOf(id).map(([, command]) => command));
      for (const row of all.slice(toldBefore)) {
        const { place } = row.data.heard;
        if (place !== null)
          assert.equal(validatorOf(treaty.input)(place), null, "a place of theirs does not fit `input`");
        const isKnown = isStrange || known.some((command) => isSo(row, command));
        assert.ok(isKnown, `told, and never so over there: ${textOf(row)}`);
      }
      await stage.assertNothingLeaked(since, [...own.keys()]);
    },
  };
  return scene;
}

function textOf({ tenantId, type, key, data }: ToldRow): string {
  return JSON.stringify({ tenantId, type, key, data });
}
