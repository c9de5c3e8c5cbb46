/** The eleven tests of an integration, as a treaty that follows the records of others passes them. Source: requirements OMS-117 to OMS-127. */
import assert from "node:assert/strict";
import { answerClasses, contradictionsIn, missingIn } from "@entente/core";
import type { FollowedTest } from "./following-conformance.ts";
import { person } from "./records-stage.ts";

export const followedIntegrationTests: readonly FollowedTest[] = [
  {
    name: "contract: nothing is missing, and records and places fit their schemas as they are on the wire",
    async run({ stage, treaty, known }) {
      assert.deepEqual([missingIn(treaty), contradictionsIn(treaty)], [[], []]);
      await known(2);
      const open = await stage.cases(treaty.tenantId);
      assert.deepEqual(
        open.filter(({ kind }) => kind === "record-unreadable"),
        [],
        "a record of theirs does not fit `output`",
      );
    },
  },
  {
    name: "adapter mapping: made, changed and removed are told in our words, and every code has its class",
    async run({ treaty, known, put, remove, becomes }) {
      const [first = "", second = ""] = await known(2);
      await put(first, 1);
      await becomes(first, 0, 1);
      for (const id of [first, second]) await remove(id);
      await becomes(first, 0, 1, "gone");
      await becomes(second, 0, "gone");
      for (const [code, { class: answerClass, means }] of Object.entries(treaty.errorMap)) {
        assert.ok(answerClasses.includes(answerClass), code);
        assert.notEqual(means.trim(), "", code);
      }
    },
  },
  {
    name: "idempotency: what was lost on its way to us is told again, and once",
    async run({ counterparty, known, put, becomes, caughtUp }) {
      const [first = "", second = ""] = await known(2);
      for (const edition of [1, 2] as const) {
        // Of each kind of request one is answered into a connection that breaks.
        await counterparty.behave({ behaviour: "drop", effect: true }, 1);
        await put(first, edition);
        await put(second, edition);
        await caughtUp();
      }
      await becomes(first, 0, 1, 2);
      await becomes(second, 0, 1, 2);
    },
  },
  {
    name: "timeout: silence is told as trouble and taken for no news, and what happened meanwhile is told afterwards",
    async run({ stage, counterparty, known, put, remove, record, told, becomes, troubles, feed }) {
      const [changed = "", removed = "", left = ""] = await known(3);
      const made = record();
      const before = troubles();
      await counterparty.behave({ behaviour: "timeout", effect: false });
      await counterparty.breakOff();
      await put(changed, 1);
      await remove(removed);
      await put(made, 0);
      // The first is the connection that broke; the second is a try that nobody answered.
      await stage.until("silence to be told as trouble", () => troubles() >= before + 2);
      assert.equal((await feed())[0]?.state, "away");
      for (const id of [changed, removed, left])
        assert.deepEqual(await told(id), [0], "silence was taken for news");
      await counterparty.behaveWell();
      await becomes(changed, 0, 1);
      await becomes(removed, 0, "gone");
      await becomes(made, 0);
      await becomes(left, 0);
    },
  },
  {
    name: "duplicate callback: the same news five times is told once",
    needs: ["news"],
    async run({ counterparty, known, put, becomes }) {
      const [id = ""] = await known(1);
      await counterparty.tellSo?.({ behaviour: "duplicate-callback", count: 5 }, () => put(id, 1));
      await becomes(id, 0, 1);
    },
  },
  {
    name: "early callback: what changes while everything is read ends as it is, not as it was read",
    async run({ stage, treaty, counterparty, known, put, endsAt, feed }) {
      const [id = ""] = await known(1);
      const isReading = async () => (await feed())[0]?.state === "reading";
      await counterparty.behave({ behaviour: "slow", delayMs: 300, effectFirst: true });
      await stage.moveTime(treaty.times.readAllEveryMs + 1);
      await stage.until("everything to be read", isReading);
      await put(id, 1);
      await stage.until("everything to have been read", async () => !(await isReading()));
      await counterparty.behaveWell();
      await endsAt(id, 1);
    },
  },
  {
    name: "reconciliation: what their feed never told is found by reading everything, and the comparison is on record",
    needs: ["news"],
    async run({ stage, treaty, counterparty, known, record, put, remove, told, becomes, caughtUp }) {
      const lost = { behaviour: "lost-callback" } as const;
      const [changed = "", removed = "", alsoRemoved = ""] = await known(3);
      const made = record();
      await counterparty.tellSo?.(lost, () => put(changed, 1));
      await counterparty.tellSo?.(lost, () => put(made, 0));
      for (const id of [removed, alsoRemoved]) await counterparty.tellSo?.(lost, () => remove(id));
      await caughtUp();
      assert.deepEqual(
        await told(changed),
        [0],
        "the news were not lost: the counterparty of the tests is wrong",
      );
      await stage.moveTime(treaty.times.readAllEveryMs + 1);
      await becomes(changed, 0, 1);
      await becomes(made, 0);
      await becomes(removed, 0, "gone");
      await becomes(alsoRemoved, 0, "gone");
      const runs = () =>
        stage.rows<{ kind: string; treaty: string; corrected: number }>(
          `select kind, data->>'treaty' as treaty, (data->>'corrected')::int as corrected from entente.journal
           where type = 'entente.feed-read' order by xid desc, seq desc limit 1`,
          [],
        );
      await stage.until(
        "the comparison to be on record",
        async () => ((await runs())[0]?.corrected ?? 0) >= 4,
      );
      const [{ kind, treaty: of } = { kind: "", treaty: "" }] = await runs();
      assert.deepEqual([kind, of], ["reconciliation", treaty.name]);
    },
  },
  {
    name: "rejection: a record that is not as agreed is one case with an owner, and holds up no other",
    needs: ["spoil"],
    async run({ stage, treaty, counterparty, known, record, put, told, becomes, caughtUp }) {
      const [spoilt = "", other = "", left = ""] = await known(3);
      const unheard = record();
      const since = stage.lines.length;
      const unreadable = async () =>
        (await stage.cases(treaty.tenantId)).filter(({ kind }) => kind === "record-unreadable");
      const opened = () =>
        stage.lines.slice(since).filter((line) => line.event === "case" && line.kind === "record-unreadable");
      await counterparty.spoil?.(spoilt);
      await counterparty.spoil?.(unheard);
      await put(other, 1);
      await becomes(other, 0, 1);
      await stage.until("a person to be told", () => opened().length > 0);
      const [open, ...more] = await unreadable();
      assert.deepEqual(more, [], "one open case is enough");
      assert.notEqual(open?.owner ?? "", "");
      // Of what cannot be read nobody knows what it is: nothing may be taken for removed.
      await stage.moveTime(treaty.times.readAllEveryMs + 1);
      await caughtUp();
      assert.deepEqual([await told(spoilt), await told(unheard), await told(left)], [[0], [], [0]]);
      assert.deepEqual([opened().length, (await unreadable()).length], [1, 1]);
      await put(spoilt, 1);
      await put(unheard, 1);
      await becomes(spoilt, 0, 1);
      await becomes(unheard, 1);
      const { tenantId } = treaty;
      await stage.system.treaties.closeCase(stage.owner, { ...person, tenantId, caseId: open?.caseId ?? "" });
    },
  },
  {
    name: "security: it goes out by the one door alone; where that stays shut it stops, and nothing arrives",
    async run({ stage, treaty, counterparty, known, put, told, becomes }) {
      const [id = ""] = await known(1);
      let before = 0;
      await stage.restart(
        async () => {
          before = await counterparty.asked();
          await put(id, 1);
        },
        { hosts: [] },
      );
      const open = await stage.stopsOnce(treaty.tenantId);
      assert.equal(await stage.stoppedBy(), "egress-refused");
      assert.equal(await counterparty.asked(), before, "it went out by another way than `means.connect`");
      assert.deepEqual(await told(id), [0]);
      await stage.restart();
      await stage.letGoOn(treaty.tenantId, open.caseId);
      await becomes(id, 0, 1);
    },
  },
  {
    name: "replay: reading everything again, as if nothing had been heard, tells nothing again",
    async run({ stage, treaty, toldOfAll, known, caughtUp }) {
      await known(2);
      await caughtUp();
      const before = await toldOfAll();
      const readAgain = () =>
        stage.rows("update entente.followed_feed set place = null, read_all_at = null where treaty = $1", [
          treaty.name,
        ]);
      // While it is stopped nobody else writes there.
      await stage.setStopped(treaty.tenantId, true);
      await stage.until("the feed to be let go", async () => {
        const [feed] = await stage.system.treaties.feeds(stage.owner);
        return feed?.code === "not-followed";
      });
      await readAgain();
      await stage.setStopped(treaty.tenantId, false);
      await stage.until("everything to be read again", async () => {
        const [feed] = await stage.system.treaties.feeds(stage.owner);
        return feed?.readAllAt != null;
      });
      await caughtUp();
      const after = await toldOfAll();
      for (const [id, told] of before) assert.deepEqual(after.get(id), told, `${id} was told again`);
    },
  },
  {
    name: "tenant: everything is told of the tenant whose feed it is, each under its own key, and nothing of another",
    async run({ stage, treaty, options, known, put, becomes }) {
      const ids = await known(6);
      const keys = new Set(ids.map((id) => options.tells(id, 0).key));
      assert.ok(
        keys.size > 1,
        "`tells` of the options gives every record the same key: nothing is proved by that",
      );
      for (const id of ids) await put(id, 1);
      for (const id of ids) await becomes(id, 0, 1);
      const others = await stage.rows<{ tenantId: string }>(
        `select distinct tenant_id as "tenantId" from entente.journal where kind = 'command'`,
        [],
      );
      assert.deepEqual(others, [{ tenantId: treaty.tenantId }]);
      assert.deepEqual(await stage.cases(`not-${treaty.tenantId}`), []);
    },
  },
];
