import { type Decider, type Entry, isRefusal } from "@entente/core/model";
import { topUp } from "../../gateway/contract/top-up.ts";
import { carryOutTopUp } from "../../request/contract/carry-out-top-up.ts";
import { takeBackTopUp } from "../../request/contract/take-back-top-up.ts";
import { type ReportRefusal, reportRefusal } from "../contract/report-refusal.ts";
import { undoQuotaDebit } from "../contract/undo-quota-debit.ts";
import type { AccountState } from "./account.ts";
import { accountDecider } from "./account-decider.ts";

/** What it is asked for, and the command of the account that is the same. */
const sameAs: Readonly<Record<string, string>> = {
  [carryOutTopUp.type]: topUp.type,
  [takeBackTopUp.type]: undoQuotaDebit.type,
};

/**
 * The account as it serves the adapter to the books in stage A: every rule, fact and state of the account as it is. It takes top-ups from the
 * request context, and says there when it refuses one. From customers it takes them as ever, because an edge that crosses to stage B
 * addresses it while its worker may still be one of stage A.
 */
export const quotaBook: Decider<AccountState> = {
  ...accountDecider,
  commands: {
    ...accountDecider.commands,
    [carryOutTopUp.type]: { parking: "step-aside", schemaVersion: carryOutTopUp.schemaVersion },
    [takeBackTopUp.type]: { parking: "step-aside", schemaVersion: takeBackTopUp.schemaVersion },
  },
  decide(state, command, context) {
    const type = sameAs[command.type] ?? command.type;
    const decision = accountDecider.decide(state, { ...command, type } as Entry, context);
    if (command.type !== carryOutTopUp.type || !isRefusal(decision)) return decision;
    const { code, reason, fields } = decision;
    const report: ReportRefusal = { requestId: context.processId, accountId: context.key, code };
    return {
      facts: [{ type: accountDecider.refusalType, data: { code, reason, ...fields } }],
      commands: [
        {
          target: "request",
          type: reportRefusal.type,
          schemaVersion: reportRefusal.schemaVersion,
          data: report,
        },
      ],
    };
  },
};
