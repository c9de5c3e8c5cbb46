import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { given } from "@entente/testkit";
import {
  convertProspect,
  noteProspectConversion,
  prospectConversionFailed,
  prospectConversionRequested,
  prospectConverted,
} from "../contract/prospect.ts";
import {
  noteSupportCase,
  openSupportCase,
  supportCaseFailed,
  supportCaseOpened,
  supportCaseRequested,
} from "../contract/support-case.ts";
import { prospectDecider } from "./prospect-decider.ts";
import { casesUnderWayAllowed, supportCaseDecider } from "./support-case-decider.ts";

const caseRequested = { type: supportCaseRequested.type, data: supportCaseRequested.example };
const { accountId, supportCaseId } = supportCaseOpened.example;
const note = (more: object) => ({
  type: noteSupportCase.type,
  data: { ...noteSupportCase.example, ...more },
});

describe("a support case", () => {
  test("is a wish named after its process, and open only when the authority says so, with its number", () => {
    given(supportCaseDecider)
      .when({ type: openSupportCase.type, data: openSupportCase.example }, { processId: supportCaseId })
      .expectFacts([caseRequested])
      .and(note({}))
      .expectFacts([{ type: supportCaseOpened.type, data: supportCaseOpened.example }])
      .and(note({}))
      .expectFacts([]);
  });

  for (const [outcome, code] of [
    ["refused", "support-case-refused"],
    ["given-up", "support-case-given-up"],
  ] as const) {
    test(`that is ${outcome} has failed, and a later word changes nothing`, () => {
      const outcomeOf = given(supportCaseDecider, [caseRequested]).when(note({ outcome }));
      const [fact] = outcomeOf.facts;
      assert.deepEqual([fact?.type, fact?.data.code], [supportCaseFailed.type, code]);
      outcomeOf.and(note({})).expectFacts([]);
    });
  }

  test("is refused past what an account may have waiting, and at the limit it is not", () => {
    const waiting = (cases: number) =>
      Array.from({ length: cases }, (_, n) => ({
        ...caseRequested,
        data: { ...caseRequested.data, supportCaseId: `case-${n}` },
      }));
    const ask = { type: openSupportCase.type, data: openSupportCase.example };
    const at = { processId: supportCaseId };
    const last = given(supportCaseDecider, waiting(casesUnderWayAllowed - 1)).when(ask, at);
    last.expectFacts([caseRequested]);
    given(supportCaseDecider, waiting(casesUnderWayAllowed))
      .when(ask, at)
      .expectRefusal("support-cases-under-way", { supportCaseId, accountId });
  });
});

const wish = { type: convertProspect.type, data: convertProspect.example };
const { conversionId } = prospectConverted.example;
const asked = { type: prospectConversionRequested.type, data: prospectConversionRequested.example };
const noted = (more: object) => ({
  type: noteProspectConversion.type,
  data: { ...noteProspectConversion.example, ...more },
});

describe("a prospect", () => {
  test("is a customer only when the authority says so, and never again", () => {
    given(prospectDecider)
      .when(wish, { processId: conversionId })
      .expectFacts([asked])
      .and(wish, { processId: "other" })
      .expectRefusal("prospect-conversion-under-way", { conversionId: "other", ...convertProspect.example })
      .and(noted({}))
      .expectFacts([{ type: prospectConverted.type, data: prospectConverted.example }])
      .and(noted({}))
      .expectFacts([])
      .and(wish)
      .expectRefusal("prospect-already-converted");
  });

  test("may be asked for again when the authority refused it or a person gave it up; a word about another wish changes nothing", () => {
    for (const outcome of ["refused", "given-up"]) {
      const ended = given(prospectDecider, [asked])
        .when(noted({ outcome, conversionId: "other" }))
        .expectFacts([])
        .and(noted({ outcome }));
      assert.deepEqual(ended.facts[0]?.type, prospectConversionFailed.type);
      assert.deepEqual(ended.facts[0]?.data.code, `prospect-conversion-${outcome}`);
      ended.and(wish, { processId: conversionId }).expectFacts([asked]);
    }
  });
});
