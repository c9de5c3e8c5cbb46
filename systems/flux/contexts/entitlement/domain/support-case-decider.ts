import {
  type Decider,
  type Decision,
  type DecisionContext,
  type Entry,
  type Fact,
  Failure,
  type Refusal,
} from "@entente/core/model";
import { supportCaseFacts } from "../contract/published-language.ts";
import { entitlementRefusals } from "../contract/refusals.ts";
import {
  type NoteSupportCase,
  noteSupportCase,
  type OpenSupportCase,
  openSupportCase,
  type SupportCaseOpened,
  supportCaseFailed,
  supportCaseOpened,
  supportCaseRequested,
} from "../contract/support-case.ts";

/** An account's cases on their way to the authority; those it has are its own. */
export interface CasesUnderWay {
  /** Ids, oldest first. */
  readonly underWay: readonly string[];
}

/** What an account may have waiting at once: more would only pile up behind an authority that is away. */
export const casesUnderWayAllowed = 20;

/**
 * Support cases of an account. Key: accountId. Nothing is opened here: a case is a wish until the authority has it, and its word, or a
 * person's, ends the wish.
 */
export const supportCaseDecider: Decider<CasesUnderWay> = {
  name: "support-case",
  commands: {
    [openSupportCase.type]: { parking: "step-aside", schemaVersion: openSupportCase.schemaVersion },
    // One case does not depend on another.
    [noteSupportCase.type]: { parking: "step-aside", schemaVersion: noteSupportCase.schemaVersion },
  },
  facts: supportCaseFacts,
  // Refused here or over there: the case will not be opened.
  refusalType: supportCaseFailed.type,
  initial: { underWay: [] },
  decide,
  evolve,
};

function decide(
  state: CasesUnderWay,
  command: Entry,
  { processId: supportCaseId }: DecisionContext,
): Decision | Refusal {
  switch (command.type) {
    case openSupportCase.type: {
      const { accountId } = command.data as OpenSupportCase;
      if (state.underWay.length >= casesUnderWayAllowed) {
        const code = "support-cases-under-way";
        const fields = { supportCaseId, accountId };
        return { refused: true, code, reason: entitlementRefusals[code], fields };
      }
      const data = { supportCaseId, ...(command.data as OpenSupportCase) };
      return { facts: [{ type: supportCaseRequested.type, data }] };
    }
    case noteSupportCase.type:
      return { facts: outcomeOf(state, command.data as NoteSupportCase) };
    default:
      throw new Failure("defect", "command-not-decided", `Support cases do not decide ${command.type}.`, {
        fields: { type: command.type },
      });
  }
}

/** An outcome told again is no news. */
function outcomeOf({ underWay }: CasesUnderWay, note: NoteSupportCase): readonly Fact[] {
  const { accountId, supportCaseId, outcome, externalReference } = note;
  if (!underWay.includes(supportCaseId)) return [];
  if (outcome === "done") {
    return [{ type: supportCaseOpened.type, data: { supportCaseId, accountId, externalReference } }];
  }
  const code = outcome === "refused" ? "support-case-refused" : "support-case-given-up";
  const data = { supportCaseId, accountId, code, reason: entitlementRefusals[code] };
  return [{ type: supportCaseFailed.type, data }];
}

/** Pure and total: a fact it does not know changes nothing. */
function evolve(state: CasesUnderWay, { type, data }: Pick<Fact, "type" | "data">): CasesUnderWay {
  const { supportCaseId } = data as unknown as SupportCaseOpened;
  switch (type) {
    case supportCaseRequested.type:
      return { underWay: [...state.underWay, supportCaseId] };
    case supportCaseOpened.type:
    case supportCaseFailed.type:
      return { underWay: state.underWay.filter((id) => id !== supportCaseId) };
    default:
      return state;
  }
}
