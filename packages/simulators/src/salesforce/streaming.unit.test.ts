import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import type { Connection } from "jsforce";
import { type Client, StreamingExtension } from "jsforce/lib/api/streaming.js";
import { type Ear, type Heard, headersOf, openEar } from "./heard-events.fixture.ts";
import {
  entitlement,
  errorOf,
  type SalesforceUnderTest,
  startSalesforceUnderTest,
} from "./salesforce.fixture.ts";

/** Streaming as jsforce does it: faye over long polling. */

const notices = "/event/Entitlement_Notice__e";
const changes = "/data/Entitlement__ChangeEvent";

let sf: SalesforceUnderTest;
let conn: Connection;
let clients: Client[] = [];

before(async () => {
  sf = await startSalesforceUnderTest();
});
beforeEach(async () => {
  await sf.client.reset();
  conn = await sf.connect();
});
afterEach(async () => {
  await Promise.all(clients.map(hangUp));
  clients = [];
});
after(() => sf.stop());

/** What jsforce's declaration leaves out of faye's client. */
interface FayeClient {
  /** Undefined: it is not connected. */
  disconnect(): PromiseLike<void> | undefined;
  readonly _dispatcher: { close(): void };
}

/** Faye comes back for ever to a server that is gone; closing its dispatcher is the only way to end one that is not connected. */
async function hangUp(client: Client): Promise<void> {
  const faye = client as unknown as FayeClient;
  await Promise.resolve(faye.disconnect()).catch(() => undefined);
  faye._dispatcher.close();
}

/** Subscribed when this resolves. `replay`: null without the replay extension. */
async function subscribe(
  channel: string,
  replay: number | null = null,
): Promise<Ear & { readonly faye: Client }> {
  const ear = openEar();
  const faye = conn.streaming.createClient(
    replay === null ? [] : [new StreamingExtension.Replay(channel, replay)],
  );
  clients.push(faye);
  await faye.subscribe(channel, (message: unknown) => ear.listen(message));
  return { ...ear, faye };
}

function publish(kind: string, headers: Readonly<Record<string, string>> = {}) {
  const notice = { Entente_Key__c: "ent-acct-0001", Kind__c: kind };
  return conn.sobject("Entitlement_Notice__e").create(notice, { headers: { ...headers } });
}

const kinds = (ear: Ear, count: number) =>
  ear.first(count).then((events) => events.map(({ payload }) => payload.Kind__c));

describe("a platform event", () => {
  test("is answered as enqueued, and reaches a subscriber with the identity it was answered with", async () => {
    const ear = await subscribe(notices);
    const answer = await publish("plan-changed");
    assert.ok(answer.success);
    const [enqueued] = answer.errors as unknown as { statusCode: string; message: string }[];
    assert.equal(enqueued?.statusCode, "OPERATION_ENQUEUED");
    const [event] = await ear.first(1);
    assert.equal(event?.event.EventUuid, enqueued?.message);
    assert.equal(event?.payload.Kind__c, "plan-changed");
    const [effect] = await sf.client.effects({ key: "ent-acct-0001" });
    assert.deepEqual([effect?.operation, effect?.id], ["publish-event", enqueued?.message]);
  });

  test("of an unknown kind, or without its required field, is refused", async () => {
    const error = await errorOf(conn.sobject("Entitlement_Notice__e").create({ Kind__c: "x" }));
    assert.equal(error.errorCode, "REQUIRED_FIELD_MISSING");
    const { message } = await errorOf(subscribe("/event/Nothing__e"));
    assert.match(message, /404/);
  });
});

describe("a change event", () => {
  test("tells who changed what in which order, and of an update only what changed", async () => {
    const ear = await subscribe(changes);
    const { id } = await conn.sobject("Entitlement__c").upsert(entitlement("ent-s"), "Entente_Key__c");
    await conn
      .sobject("Entitlement__c")
      .update({ Id: id as string, Version_Number__c: 2, Status__c: "Suspended" });
    await conn.sobject("Entitlement__c").destroy(id as string);
    const events = await ear.first(3);
    const headers = headersOf(events);
    assert.deepEqual(
      headers.map(({ changeType }) => changeType),
      ["CREATE", "UPDATE", "DELETE"],
    );
    assert.deepEqual(
      headers.map(({ recordIds }) => recordIds),
      [[id], [id], [id]],
    );
    for (const { changeOrigin, entityName } of headers) {
      assert.equal(changeOrigin, "com/salesforce/api/rest/67.0;client=entente");
      assert.equal(entityName, "Entitlement__c");
    }
    const commits = headers.map(({ commitNumber }) => commitNumber);
    assert.deepEqual(
      commits,
      commits.toSorted((a, b) => a - b),
    );
    assert.equal(new Set(commits).size, 3);
    assert.equal(new Set(headers.map(({ transactionKey }) => transactionKey)).size, 3);
    assert.deepEqual(headers[1]?.changedFields.toSorted(), [
      "LastModifiedDate",
      "Status__c",
      "Version_Number__c",
    ]);
    const { ChangeEventHeader: _, LastModifiedDate: __, ...changed } = events[1]?.payload ?? {};
    assert.deepEqual(changed, { Status__c: "Suspended", Version_Number__c: 2 });
    assert.deepEqual(Object.keys(events[2]?.payload ?? {}), ["ChangeEventHeader"]);
    assert.equal(events[0]?.payload.Entente_Key__c, "ent-s");
  });

  test("shares its transaction with the others of one request, is numbered in it, and merges with its like", async () => {
    const ear = await subscribe("/data/ChangeEvents");
    const created = await conn
      .sobject("Account")
      .create([{ Name: "Same" }, { Name: "Same" }, { Name: "Another" }], { allOrNone: true });
    const headers = headersOf(await ear.first(2));
    assert.deepEqual(
      headers.map(({ recordIds, sequenceNumber }) => ({ recordIds, sequenceNumber })),
      [
        { recordIds: [created[0]?.id, created[1]?.id], sequenceNumber: 1 },
        { recordIds: [created[2]?.id], sequenceNumber: 2 },
      ],
    );
    assert.equal(headers[0]?.transactionKey, headers[1]?.transactionKey);
  });

  test("without its data can be injected", async () => {
    const ear = await subscribe("/data/AccountChangeEvent");
    const gap = { object: "Account", changeType: "GAP_OVERFLOW", recordIds: ["001*"] };
    const response = await fetch(`${sf.url}/_control/salesforce/change-events`, {
      method: "POST",
      body: JSON.stringify(gap),
      headers: { "content-type": "application/json" },
    });
    assert.equal(response.status, 202);
    const [event] = await ear.first(1);
    assert.equal(event?.payload.ChangeEventHeader?.changeType, "GAP_OVERFLOW");
    assert.deepEqual(Object.keys(event?.payload ?? {}), ["ChangeEventHeader"]);
  });

  test("is not told of a write that was taken back", async () => {
    const ear = await subscribe("/data/ChangeEvents");
    await conn.sobject("Account").create([{ Name: "A" }, {}], { allOrNone: true });
    await conn.sobject("Account").create({ Name: "B" });
    const [event] = await ear.first(1);
    assert.equal(event?.payload.Name, "B");
  });
});

describe("replay", () => {
  test("from -2 gives everything retained, from an id what follows it, from -1 only what is new", async () => {
    for (const kind of ["a", "b", "c"]) await publish(kind);
    const all = await subscribe(notices, -2);
    assert.deepEqual(await kinds(all, 3), ["a", "b", "c"]);
    const [a, b, c] = all.heard.map(({ event }) => event.replayId) as [number, number, number];
    assert.ok(a < b && b < c);
    const afterA = await subscribe(notices, a);
    const onlyNew = await subscribe(notices, -1);
    assert.deepEqual(await kinds(afterA, 2), ["b", "c"]);
    await publish("d");
    assert.deepEqual(await kinds(onlyNew, 1), ["d"]);
    assert.deepEqual(await kinds(afterA, 3), ["b", "c", "d"]);
  });

  test("after a lost connection goes on where the client was", async () => {
    const before = await subscribe(notices, -1);
    await publish("heard");
    const [heard] = await before.first(1);
    await hangUp(before.faye);
    await publish("missed");
    const again = await subscribe(notices, heard?.event.replayId as number);
    assert.deepEqual(await kinds(again, 1), ["missed"]);
  });

  test("reaches back 72 hours by the simulator's clock; an id from before is invalid", async () => {
    await publish("old");
    const old = await subscribe(notices, -2);
    const [{ event }] = (await old.first(1)) as readonly [Heard];
    await sf.client.advance("PT71H59M");
    conn = await sf.connect();
    assert.deepEqual(await kinds(await subscribe(notices, -2), 1), ["old"]);
    await sf.client.advance("PT1M");
    await publish("new");
    assert.deepEqual(await kinds(await subscribe(notices, -2), 1), ["new"]);
    const { message } = await errorOf(subscribe(notices, event.replayId));
    assert.match(message, /400::The replayId \{\d+\} you provided was invalid/);
  });
});

describe("a client", () => {
  test("that the server has forgotten shakes hands again and goes on by itself", async () => {
    const ear = await subscribe(notices, -1);
    const again = Promise.withResolvers<void>();
    ear.faye.addExtension({
      incoming(message: { channel: string; successful?: boolean }, pass: (message: unknown) => void) {
        if (message.channel === "/meta/subscribe" && message.successful === true) again.resolve();
        pass(message);
      },
    });
    await sf.client.reset();
    // Its token went with the reset, and faye keeps its headers: it is let in with a new one.
    conn = await sf.connect();
    ear.faye.setHeader("Authorization", `OAuth ${conn.accessToken}`);
    await again.promise;
    await publish("again");
    assert.deepEqual(await kinds(ear, 1), ["again"]);
  });

  test("whose token has ended is told so, and not to come back", async () => {
    const told = Promise.withResolvers<{ error?: string }>();
    await fetch(`${sf.url}/_control/salesforce/sessions/expire`, { method: "POST" });
    const faye = conn.streaming.createClient([new StreamingExtension.AuthFailure(told.resolve)]);
    clients.push(faye);
    void faye.subscribe(notices, () => undefined);
    assert.equal((await told.promise).error, "403::Handshake denied");
  });

  test("that asks for a WebSocket is answered, and the server lives on", async () => {
    const headers = { upgrade: "websocket", connection: "Upgrade" };
    const { request } = await import("node:http");
    const status = await new Promise((resolve, reject) => {
      request(`${sf.url}/cometd/67.0`, { headers }, (response) => resolve(response.statusCode))
        .on("error", reject)
        .end();
    });
    assert.equal(status, 400);
    assert.ok((await publish("still here")).success);
  });
});

describe("events under a rule", () => {
  test("come twice with one identity, late by the clock, not at all, or after later ones", async () => {
    const ear = await subscribe(notices);
    const simulate = (behaviour: object) => ({ "x-simulate": JSON.stringify(behaviour) });
    await publish("twice", simulate({ behaviour: "duplicate-callback" }));
    const twice = await ear.first(2);
    assert.equal(twice[0]?.event.EventUuid, twice[1]?.event.EventUuid);
    assert.notEqual(twice[0]?.event.replayId, twice[1]?.event.replayId);
    await publish("never", simulate({ behaviour: "lost-callback" }));
    await publish("late", simulate({ behaviour: "delayed-callback", delayMs: 60_000 }));
    await publish("second", simulate({ behaviour: "out-of-order-callback", behind: 1 }));
    await publish("first");
    assert.deepEqual(await kinds(ear, 4), ["twice", "twice", "first", "second"]);
    await sf.client.advance("PT1M");
    assert.deepEqual((await kinds(ear, 5)).at(-1), "late");
    assert.equal((await sf.client.effects({ operation: "publish-event" })).length, 5);
  });
});

test("over the daily limit of events, counted per subscriber, connecting is refused", async () => {
  await fetch(`${sf.url}/_control/salesforce/limits`, {
    method: "PATCH",
    body: JSON.stringify({ dailyEvents: 2 }),
    headers: { "content-type": "application/json" },
  });
  const told = Promise.withResolvers<{ error?: string }>();
  const first = await subscribe(notices);
  await publish("one");
  await first.first(1);
  await hangUp(first.faye);
  const faye = conn.streaming.createClient([
    new StreamingExtension.AuthFailure(told.resolve),
    new StreamingExtension.Replay(notices, -2),
  ]);
  clients.push(faye);
  const second = openEar();
  await faye.subscribe(notices, (message: unknown) => second.listen(message));
  await second.first(1);
  await publish("two");
  assert.equal((await told.promise).error, "403::Organization total events daily limit exceeded");
  assert.equal((await conn.limits()).DailyDeliveredPlatformEvents?.Remaining, 0);
});
