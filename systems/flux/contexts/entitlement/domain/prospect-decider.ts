import {
  type Decider,
  type Decision,
  type DecisionContext,
  type Entry,
  type Fact,
  Failure,
  type Refusal,
} from "@entente/core/model";
import {
  type ConvertProspect,
  convertProspect,
  type NoteProspectConversion,
  noteProspectConversion,
  type ProspectConversionRequested,
  prospectConversionFailed,
  prospectConversionRequested,
  prospectConverted,
} from "../contract/prospect.ts";
import { prospectFacts } from "../contract/published-language.ts";
import { type EntitlementRefusal, entitlementRefusals } from "../contract/refusals.ts";

/** What is known of a prospect: whether a conversion is under way, and what it became. */
export interface Prospect {
  readonly conversion: ProspectConversionRequested | null;
  readonly isCustomer: boolean;
}

/** Prospects that become customers. Key: prospectId. Nobody is a customer by a word of ours: the authority makes them one. */
export const prospectDecider: Decider<Prospect> = {
  name: "prospect",
  commands: {
    [convertProspect.type]: { parking: "step-aside", schemaVersion: convertProspect.schemaVersion },
    // Whether there may be another wish depends on what became of this one.
    [noteProspectConversion.type]: {
      parking: "hold-key",
      schemaVersion: noteProspectConversion.schemaVersion,
    },
  },
  facts: prospectFacts,
  // Refused here or over there: this wish makes nobody a customer.
  refusalType: prospectConversionFailed.type,
  initial: { conversion: null, isCustomer: false },
  decide,
  evolve,
};

function decide(
  prospect: Prospect,
  command: Entry,
  { processId: conversionId }: DecisionContext,
): Decision | Refusal {
  switch (command.type) {
    case convertProspect.type: {
      const data = { conversionId, ...(command.data as ConvertProspect) };
      if (prospect.isCustomer) return refuse("prospect-already-converted", data);
      if (prospect.conversion !== null) return refuse("prospect-conversion-under-way", data);
      return { facts: [{ type: prospectConversionRequested.type, data }] };
    }
    case noteProspectConversion.type:
      return { facts: outcomeOf(prospect, command.data as NoteProspectConversion) };
    default:
      throw new Failure("defect", "command-not-decided", `Prospects do not decide ${command.type}.`, {
        fields: { type: command.type },
      });
  }
}

/** An outcome told again is no news. */
function outcomeOf({ conversion }: Prospect, note: NoteProspectConversion): readonly Fact[] {
  if (conversion === null || conversion.conversionId !== note.conversionId) return [];
  if (note.outcome === "done") {
    const data = { ...conversion, externalReference: note.externalReference };
    return [{ type: prospectConverted.type, data }];
  }
  const code = note.outcome === "refused" ? "prospect-conversion-refused" : "prospect-conversion-given-up";
  return [
    { type: prospectConversionFailed.type, data: { ...conversion, code, reason: entitlementRefusals[code] } },
  ];
}

/** Pure and total: a fact it does not know changes nothing. */
function evolve(prospect: Prospect, { type, data }: Pick<Fact, "type" | "data">): Prospect {
  switch (type) {
    case prospectConversionRequested.type:
      return { ...prospect, conversion: data as unknown as ProspectConversionRequested };
    case prospectConverted.type:
      return { conversion: null, isCustomer: true };
    case prospectConversionFailed.type: {
      // One that was refused here is not the one under way.
      const { conversionId } = data as unknown as ProspectConversionRequested;
      const isEnded = prospect.conversion?.conversionId === conversionId;
      return isEnded ? { ...prospect, conversion: null } : prospect;
    }
    default:
      return prospect;
  }
}

function refuse(code: EntitlementRefusal, fields: ProspectConversionRequested): Refusal {
  return { refused: true, code, reason: entitlementRefusals[code], fields };
}
