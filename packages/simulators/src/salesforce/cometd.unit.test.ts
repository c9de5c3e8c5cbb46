import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { CometD, type Extension, type Message } from "cometd";
import { type ControlClient, openControlClient } from "../control/control-client.ts";
import type { RunningSimulator } from "../control/start-simulator.ts";
import { openBrowserWindow } from "./browser-window.fixture.ts";
import { type Ear, headersOf, openEar } from "./heard-events.fixture.ts";
import { credentials } from "./sessions.ts";
import { startSalesforce } from "./start-salesforce.ts";

/** A second streaming client, with manners of its own: the CometD project's. */

const notices = "/event/Entitlement_Notice__e";

let sf: RunningSimulator;
let control: ControlClient;
let token: string;
let clients: CometD[] = [];

before(async () => {
  openBrowserWindow();
  sf = await startSalesforce({ seed: 7 });
  control = openControlClient(sf.url);
});
beforeEach(async () => {
  await control.reset();
  token = await signIn();
});
afterEach(async () => {
  for (const client of clients) await hangUp(client);
  clients = [];
});
after(() => sf.stop());

async function hangUp(client: CometD): Promise<void> {
  // One that is gone already calls nobody back.
  if (client.isDisconnected()) return;
  await new Promise<void>((resolve) => client.disconnect(() => resolve()));
}

async function signIn(): Promise<string> {
  const { clientId, clientSecret } = credentials;
  const body = new URLSearchParams({
    grant_type: "client_credentials",
    client_id: clientId,
    client_secret: clientSecret,
  });
  const answer = await fetch(`${sf.url}/services/oauth2/token`, { method: "POST", body });
  return ((await answer.json()) as { access_token: string }).access_token;
}

async function write(method: string, path: string, fields: object): Promise<unknown> {
  const response = await fetch(`${sf.url}/services/data/v67.0/sobjects/${path}`, {
    method,
    body: JSON.stringify(fields),
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
  });
  return response.status === 204 ? null : response.json();
}

const publish = (kind: string) =>
  write("POST", "Entitlement_Notice__e", { Entente_Key__c: "ent-1", Kind__c: kind });

/** Salesforce's replay extension, which remembers for each channel how far it has come. */
function replayFrom(replay: Record<string, number>): Extension {
  return {
    outgoing(message) {
      if (message.channel === "/meta/subscribe") message.ext = { ...message.ext, replay };
      return message;
    },
    incoming(message) {
      const replayId = (message.data as { event?: { replayId?: number } } | undefined)?.event?.replayId;
      if (replayId !== undefined) replay[message.channel as string] = replayId;
      return message;
    },
  };
}

/** Connected when this resolves. */
async function connect(replay: Record<string, number>): Promise<CometD> {
  const client = new CometD();
  clients.push(client);
  client.configure({
    url: `${sf.url}/cometd/67.0`,
    requestHeaders: { Authorization: `Bearer ${token}` },
    appendMessageTypeToURL: false,
    backoffIncrement: 10,
  });
  client.registerExtension("replay", replayFrom(replay));
  const shaken = await new Promise<Message>((resolve) => client.handshake(resolve));
  assert.equal(shaken.successful, true);
  return client;
}

async function subscribe(client: CometD, channel: string): Promise<Ear> {
  const ear = openEar();
  const answer = await new Promise<Message>((resolve) => {
    client.subscribe(channel, (message) => ear.listen(message.data), resolve);
  });
  assert.ok(answer.successful, answer.error ?? "refused");
  return ear;
}

const kindsOf = async (ear: Ear, count: number) =>
  (await ear.first(count)).map(({ payload }) => payload.Kind__c);

test("events arrive in order, from the log and then as they happen", async () => {
  await publish("before");
  const ear = await subscribe(await connect({ [notices]: -2 }), notices);
  await publish("after");
  assert.deepEqual(await kindsOf(ear, 2), ["before", "after"]);
});

test("a client that comes back with its last id hears what it missed, once", async () => {
  const place = { [notices]: -1 };
  const first = await connect(place);
  const before = await subscribe(first, notices);
  await publish("heard");
  await before.first(1);
  await hangUp(first);
  await publish("missed");
  const again = await subscribe(await connect(place), notices);
  await publish("new");
  assert.deepEqual(await kindsOf(again, 2), ["missed", "new"]);
});

test("one client hears several channels, and no longer the one it left", async () => {
  const client = await connect({});
  const changes = await subscribe(client, "/data/AccountChangeEvent");
  const told = openEar();
  const handle = client.subscribe(notices, (message) => told.listen(message.data));
  await publish("one");
  await told.first(1);
  await new Promise<void>((resolve) => client.unsubscribe(handle, () => resolve()));
  await publish("two");
  await write("POST", "Account", { Name: "A" });
  const [header] = headersOf(await changes.first(1));
  assert.deepEqual([header?.changeType, header?.entityName], ["CREATE", "Account"]);
  assert.equal(told.heard.length, 1);
});

test("a client whose polls break off is back when the outage ends, and hears what it missed", async () => {
  const place = { [notices]: -1 };
  const client = await connect(place);
  const ear = await subscribe(client, notices);
  await publish("before");
  await ear.first(1);
  const broken = Promise.withResolvers<void>();
  client.addListener("/meta/connect", ({ successful }) => {
    if (successful !== true) broken.resolve();
  });
  await control.outage("refuse");
  await broken.promise;
  await control.outage("none");
  await publish("after");
  assert.deepEqual(await kindsOf(ear, 2), ["before", "after"]);
});

test("a replay id that was never given is refused in Salesforce's words", async () => {
  const client = await connect({ [notices]: 1 });
  const answer = await new Promise<Message>((resolve) => client.subscribe(notices, () => undefined, resolve));
  assert.match(answer.error ?? "", /^400::The replayId \{1\} you provided was invalid/);
});
