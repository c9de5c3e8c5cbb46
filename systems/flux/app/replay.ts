import type { ProcessDefinition, ProcessReducer, ReplayRules } from "@entente/core/model";
import { accountProcesses } from "../contexts/gateway/domain/account-processes.ts";
import { chargedTopUpProcess } from "../contexts/gateway/domain/charged-top-up-process.ts";
import { payBackProcess } from "../contexts/gateway/domain/pay-back-process.ts";
import { planOrderProcess } from "../contexts/gateway/domain/plan-order-process.ts";
import { prospectProcess } from "../contexts/gateway/domain/prospect-process.ts";
import { requestedTopUp } from "../contexts/gateway/domain/requested-top-up-process.ts";
import { supportCaseProcess } from "../contexts/gateway/domain/support-case-process.ts";
import { topUpProcess } from "../contexts/gateway/domain/top-up-process.ts";
import { undoTopUpProcess } from "../contexts/gateway/domain/undo-top-up-process.ts";
import { accountReducer } from "../contexts/subscription/domain/account-reducer.ts";

const plainProcesses: readonly ProcessDefinition[] = [
  topUpProcess,
  undoTopUpProcess,
  payBackProcess,
  ...accountProcesses,
  planOrderProcess,
  supportCaseProcess,
  prospectProcess,
];

const first = (definition: ProcessReducer["definition"]): ProcessReducer => ({ majors: ["1"], definition });

/**
 * How Flux's evidence is replayed: balances of accounts, and processes as customers saw them. What stands under a name or version is
 * never changed, because archives are replayed by it: rules that changed get another name, and the old ones stay.
 */
export const fluxReplay: ReplayRules = {
  reducers: [accountReducer as never],
  processes: {
    ...Object.fromEntries(plainProcesses.map((one) => [one.type, first(() => one)])),
    "charged-top-up": first(({ from, refunds, payBacks }) =>
      chargedTopUpProcess({ from: Number(from) }, { refunds: refunds === true, payBacks: payBacks === true }),
    ),
    "requested-top-up": first(({ refusalStays }) => requestedTopUp(refusalStays === true)),
  },
};
