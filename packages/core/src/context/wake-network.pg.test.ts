import assert from "node:assert/strict";
import { before, test } from "node:test";
import { openWakeUps, type WakeUps } from "../consumer/wake-up.ts";
import type { Database } from "../postgres/database.ts";
import { bank } from "../testing/bank.fixture.ts";
import { openTestBed, type Stage } from "../testing/test-bed.fixture.ts";
import { openWakeNetwork, type WakeNetwork } from "./wake-network.ts";

const bed = await openTestBed();
const name = bed.newName();
let stage: Stage;

before(async () => {
  stage = await bed.stage(bank(name));
});

function rung(wakeUps: WakeUps, names: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    const unsubscribe = wakeUps.listen(names, () => {
      unsubscribe();
      resolve();
    });
  });
}

/** A process of its own, as far as wake-ups go. */
function listener(origin: string, database: Database = stage.database("ledger", "reader")) {
  const wakeUps = openWakeUps();
  const network = openWakeNetwork(database, wakeUps, origin, () => true);
  bed.atEnd(() => network.close());
  return { wakeUps, network };
}

/** Announces again and again: a listener still on its way to the server has missed the first ones, as it may. */
async function announceUntil(network: WakeNetwork, what: string, heard: Promise<void>): Promise<void> {
  const again = setInterval(() => network.announce(what), 10);
  await heard.finally(() => clearInterval(again));
}

test("what one process announces wakes the others, and itself not", async () => {
  const [here, there] = [listener("here"), listener("there")];
  let own = 0;
  here.wakeUps.listen(["ledger"], () => own++);
  await announceUntil(here.network, "ledger", rung(there.wakeUps, ["ledger"]));
  await announceUntil(there.network, "front", rung(here.wakeUps, ["front"]));
  assert.equal(own, 0);
});

test("nothing is announced while nobody else listens", async () => {
  const wakeUps = openWakeUps();
  let asked = 0;
  const quiet = openWakeNetwork(stage.database("ledger", "reader"), wakeUps, "quiet", () => {
    asked++;
    return false;
  });
  const other = listener("other");
  let heard = 0;
  other.wakeUps.listen(["from-quiet"], () => heard++);
  quiet.announce("from-quiet");
  const loud = listener("loud");
  await announceUntil(loud.network, "from-loud", rung(other.wakeUps, ["from-loud"]));
  assert.deepEqual([asked, heard], [1, 0]);
  await quiet.close();
});

test("a listener whose connection is cut listens again", async () => {
  const [here, there] = [listener("cut-here"), listener("cut-there")];
  await announceUntil(here.network, "ledger", rung(there.wakeUps, ["ledger"]));
  await bed.sql(
    name,
    "ledger",
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query = 'listen entente_wake'",
  );
  await announceUntil(here.network, "again", rung(there.wakeUps, ["again"]));
});

test("closing ends the listening, also when it has not begun", async () => {
  const database = stage.connect("ledger", "reader");
  const network = openWakeNetwork(database, openWakeUps(), "short-lived", () => true);
  await network.close();
  const begun = openWakeNetwork(database, openWakeUps(), "short-lived", () => true);
  await bed.sql(name, "ledger", "select 1");
  await begun.close();
});
