import { type Static, Type } from "typebox";
import { Identifier } from "../../gateway/contract/identifier.ts";
import { type ExternalReference, ReferenceOrNone, wishOutcomes } from "./external-reference.ts";

const members = {
  prospectId: Identifier,
  accountId: Identifier,
} as const;

/**
 * Command: a prospect becomes a customer, under an account of this name. It is done at the authority and nowhere else.
 * Ordering key: prospectId.
 */
export const convertProspect = {
  kind: "command",
  type: "flux.convert-prospect",
  schemaVersion: "1.0.0",
  schema: Type.Object(members, { additionalProperties: false }),
  example: { prospectId: "lead-0001", accountId: "acct-2001" },
} as const;
export type ConvertProspect = Static<typeof convertProspect.schema>;

const ConversionId = Type.String({ format: "uuid" });
const exampleConversion = "019a0b1c-0000-7000-8000-000000000003";
const exampleReference: ExternalReference = {
  system: "salesforce",
  kind: "account id",
  value: "001Hs00000000G9IAI",
};

/** Fact: the prospect is to be made a customer at the authority. It is none yet. */
export const prospectConversionRequested = {
  kind: "event",
  type: "flux.prospect-conversion-requested",
  schemaVersion: "1.0.0",
  schema: Type.Object({ conversionId: ConversionId, ...members }),
  example: { conversionId: exampleConversion, ...convertProspect.example },
} as const;
export type ProspectConversionRequested = Static<typeof prospectConversionRequested.schema>;

/** Command: the authority's word about a conversion, or a person's who gave it up. `code`: theirs, evidence only. Ordering key: prospectId. */
export const noteProspectConversion = {
  kind: "command",
  type: "flux.note-prospect-conversion",
  schemaVersion: "1.0.0",
  schema: Type.Object({
    prospectId: Identifier,
    conversionId: ConversionId,
    outcome: Type.Enum([...wishOutcomes]),
    externalReference: ReferenceOrNone,
    code: Type.Union([Type.String(), Type.Null()]),
  }),
  example: {
    prospectId: "lead-0001",
    conversionId: exampleConversion,
    outcome: "done",
    externalReference: exampleReference,
    code: null,
  },
} as const;
export type NoteProspectConversion = Static<typeof noteProspectConversion.schema>;

/** Fact: the prospect is a customer, as the authority says. */
export const prospectConverted = {
  kind: "event",
  type: "flux.prospect-converted",
  schemaVersion: "1.0.0",
  schema: Type.Object({ conversionId: ConversionId, ...members, externalReference: ReferenceOrNone }),
  example: {
    conversionId: exampleConversion,
    ...convertProspect.example,
    externalReference: exampleReference,
  },
} as const;
export type ProspectConverted = Static<typeof prospectConverted.schema>;

/** Fact: the prospect was not and will not be made a customer by this wish. `code` is one of the published refusals. */
export const prospectConversionFailed = {
  kind: "event",
  type: "flux.prospect-conversion-failed",
  schemaVersion: "1.0.0",
  schema: Type.Object({
    conversionId: ConversionId,
    ...members,
    code: Type.String(),
    reason: Type.String(),
  }),
  example: {
    conversionId: exampleConversion,
    ...convertProspect.example,
    code: "prospect-conversion-refused",
    reason: "This prospect could not be made a customer.",
  },
} as const;
export type ProspectConversionFailed = Static<typeof prospectConversionFailed.schema>;
