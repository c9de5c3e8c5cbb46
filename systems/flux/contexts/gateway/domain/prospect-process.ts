import type { ProcessDefinition } from "@entente/core/model";
import {
  convertProspect,
  type ProspectConverted,
  prospectConversionFailed,
  prospectConversionRequested,
  prospectConverted,
} from "../../entitlement/contract/prospect.ts";
import { authorityProcess } from "./authority-process.ts";

/** How a prospect's becoming a customer looks to who asked for it. */
export const prospectProcess: ProcessDefinition = authorityProcess({
  type: "convert-prospect",
  startedBy: convertProspect.type,
  requested: prospectConversionRequested.type,
  confirmed: prospectConverted.type,
  failed: [prospectConversionFailed.type],
  outcomeOf({ data }) {
    const { prospectId, accountId, externalReference } = data as ProspectConverted;
    return { prospectId, accountId, externalReference };
  },
});
