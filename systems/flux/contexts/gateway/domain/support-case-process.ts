import type { ProcessDefinition } from "@entente/core/model";
import {
  openSupportCase,
  type SupportCaseOpened,
  supportCaseFailed,
  supportCaseOpened,
  supportCaseRequested,
} from "../../entitlement/contract/support-case.ts";
import { authorityProcess } from "./authority-process.ts";

/** How a support case looks to its customer: asked for is not open. Its number is the authority's, and is said to be. */
export const supportCaseProcess: ProcessDefinition = authorityProcess({
  type: "support-case",
  startedBy: openSupportCase.type,
  requested: supportCaseRequested.type,
  confirmed: supportCaseOpened.type,
  failed: [supportCaseFailed.type],
  outcomeOf({ data }) {
    const { externalReference } = data as SupportCaseOpened;
    return { externalReference };
  },
});
