import type { Control } from "../control/control.ts";
import type { SeededRandom } from "../control/seeded-random.ts";
import { type BusinessPartners, openBusinessPartners } from "./business-partners.ts";
import { logicalSystem } from "./description.ts";
import { type FirstAnswers, openFirstAnswers } from "./first-answers.ts";
import { type IdocStore, openIdocStore } from "./idoc/idoc-store.ts";
import { journalServices } from "./journal-services.ts";
import { type Ledger, openLedger } from "./ledger/ledger.ts";
import { demoMasterData, type MasterData } from "./ledger/master-data.ts";
import { openPostingPeriods, type PostingPeriods } from "./ledger/posting-periods.ts";
import { type Messages, openMessages } from "./messages.ts";
import { monitorService } from "./monitor-service.ts";
import type { Service } from "./odata/entity-set.ts";
import { openQuotaBook, type QuotaBook } from "./quota/quota-book.ts";
import { openSessions, type Sessions } from "./sessions.ts";
import { duplicateChecks, type Settings } from "./settings.ts";

/** Everything this system knows. A reset opens another one. */
export interface World {
  settings: Settings;
  readonly master: MasterData;
  readonly periods: PostingPeriods;
  readonly ledger: Ledger;
  readonly partners: BusinessPartners;
  readonly idocs: IdocStore;
  readonly messages: Messages;
  readonly sessions: Sessions;
  /** What this system decides about quotas besides keeping books. */
  readonly quotas: QuotaBook;
  readonly services: readonly Service[];
  /** First answers, by what callers called their messages and requests. */
  readonly firstAnswers: FirstAnswers;
  readonly random: SeededRandom;
  /** A fresh UUID in the form of this system's messages. */
  uuid(): string;
}

export function openWorld(control: Control, settings: Settings): World {
  const random = control.random("sap");
  const master = demoMasterData();
  const periods = openPostingPeriods();
  const ledger = openLedger({
    master,
    periods,
    checks: () => duplicateChecks(world.settings),
    logicalSystem,
    kept: control.state.map("documents"),
  });
  const partners = openBusinessPartners(master, () => Math.trunc(control.clock.now()));
  const idocs = openIdocStore();
  const messages = openMessages(control.state.map("messages"));
  const start = Math.floor(random.next() * 2 ** 32)
    .toString(16)
    .padStart(8, "0");
  let uuids = 0;
  const world: World = {
    settings,
    master,
    periods,
    ledger,
    partners,
    idocs,
    messages,
    quotas: openQuotaBook(control.state.map("quota accounts"), control.state.map("quota decisions")),
    sessions: openSessions("SAP_SESSIONID_ENT_100", () => random),
    services: [
      ...journalServices(() => ({ ledger, master })),
      partners.service,
      monitorService(messages, idocs),
    ],
    firstAnswers: openFirstAnswers(() => world.settings.rememberMs, control.state.map("first answers")),
    random,
    uuid() {
      uuids += 1;
      return `${start}-4462-1eef-91a6-${uuids.toString(16).padStart(12, "0")}`;
    },
  };
  return world;
}
