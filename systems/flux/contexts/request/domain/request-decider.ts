import { type Decider, type Decision, type DecisionContext, type Entry, Failure } from "@entente/core/model";
import { type TopUp, topUp } from "../../gateway/contract/top-up.ts";
import { postingGivenUp, type ReportPosting, reportPosting } from "../../ledger/contract/report-posting.ts";
import { type ReportRefusal, reportRefusal } from "../../subscription/contract/report-refusal.ts";
import { type CarryOutTopUp, carryOutTopUp } from "../contract/carry-out-top-up.ts";
import {
  type NoteRequest,
  type NoteRequestGone,
  type NoteSubmission,
  noteRequest,
  noteRequestGone,
  noteSubmission,
} from "../contract/note-request.ts";
import { requestFacts } from "../contract/published-language.ts";
import { type RequestRefusal, requestRefusals } from "../contract/refusals.ts";
import {
  type NoteSettlement,
  noteSettlement,
  requestClosed,
  requestSettled,
} from "../contract/request-settled.ts";
import { takeBackTopUp } from "../contract/take-back-top-up.ts";
import { requestFailed, topUpRequested, topUpSubmitted } from "../contract/top-up-request.ts";
import { evolve, noRequests, type OpenRequests } from "./open-requests.ts";

/**
 * A top-up where the authority for customers comes first. Key: accountId. It decides nothing about entitlement or quota: a top-up goes to
 * the authority, and is carried out when, and as, the authority tells of it. Each step is taken once: word of a request that is not
 * where the word would find it is no news.
 *
 * | Command | The request is | Becomes |
 * | --- | --- | --- |
 * | `flux.top-up` | – | submitted; failed where the authority is another tenant's |
 * | `flux.note-request` | submitted | requested, and is carried out |
 * | `flux.note-submission`: refused, given up | submitted | failed |
 * | `flux.note-request-gone` | submitted | failed |
 * | `flux.report-posting`: posted | requested | settled |
 * | `flux.report-posting`: given up | requested | settled, and its debit is taken back |
 * | `flux.report-refusal` | requested | settled |
 * | `flux.note-settlement` | settled | closed |
 *
 * `served`: the tenant whose the authority is; null: it is everybody's.
 */
export function requestDeciderFor(served: string | null): Decider<OpenRequests> {
  return { ...requestDecider, decide: (state, command, context) => decide(served, state, command, context) };
}

const requestDecider: Omit<Decider<OpenRequests>, "decide"> = {
  name: "request",
  commands: {
    [topUp.type]: { parking: "step-aside", schemaVersion: topUp.schemaVersion },
    // Each of these is one step of one top-up. One that breaks must not keep the account's others waiting, and an operator redrives it.
    [noteSubmission.type]: { parking: "step-aside", schemaVersion: noteSubmission.schemaVersion },
    [noteRequest.type]: { parking: "step-aside", schemaVersion: noteRequest.schemaVersion },
    [noteRequestGone.type]: { parking: "step-aside", schemaVersion: noteRequestGone.schemaVersion },
    [reportRefusal.type]: { parking: "step-aside", schemaVersion: reportRefusal.schemaVersion },
    [reportPosting.type]: { parking: "step-aside", schemaVersion: reportPosting.schemaVersion },
    [noteSettlement.type]: { parking: "step-aside", schemaVersion: noteSettlement.schemaVersion },
  },
  facts: requestFacts,
  // It refuses nothing by itself: a request fails by the authority's word or a person's, and that is this fact, too.
  refusalType: requestFailed.type,
  initial: noRequests,
  evolve,
};

const nothing: Decision = { facts: [] };

function decide(
  served: string | null,
  { open }: OpenRequests,
  command: Entry,
  context: DecisionContext,
): Decision {
  switch (command.type) {
    case topUp.type: {
      // Nobody would ever ask that authority about it: its customer would wait for good.
      if (served !== null && context.tenantId !== served)
        return failed(context.processId, "tenant-not-served");
      const data = { requestId: context.processId, ...(command.data as TopUp) };
      return { facts: [{ type: topUpSubmitted.type, data }] };
    }
    case noteRequest.type: {
      const { heard: _heard, ...request } = command.data as NoteRequest;
      return open[request.requestId]?.at === "submitted" ? carriedOut(request) : nothing;
    }
    case noteSubmission.type: {
      const { requestId, outcome } = command.data as NoteSubmission;
      // Recorded is not yet told: it is carried out when the authority's feed brings it.
      if (open[requestId]?.at !== "submitted" || outcome === "recorded") return nothing;
      return failed(requestId, outcome === "refused" ? "request-refused" : "request-given-up");
    }
    case noteRequestGone.type: {
      const { requestId } = command.data as NoteRequestGone;
      return open[requestId]?.at === "submitted" ? failed(requestId, "request-cancelled") : nothing;
    }
    case reportRefusal.type: {
      const { requestId, accountId, code } = command.data as ReportRefusal;
      return open[requestId]?.at === "requested" ? settled(requestId, accountId, code) : nothing;
    }
    case reportPosting.type: {
      const report = command.data as ReportPosting;
      return open[report.requestId]?.at === "requested" ? posted(report) : nothing;
    }
    case noteSettlement.type: {
      const data = command.data as NoteSettlement;
      const request = open[data.requestId];
      if (request?.at !== "settled") return nothing;
      return { facts: [{ type: requestClosed.type, data: { ...data, outcome: request.outcome } }] };
    }
    default:
      throw new Failure("defect", "command-not-decided", `Requests do not decide ${command.type}.`, {
        fields: { type: command.type },
      });
  }
}

/** The authority's record counts, not what was submitted. */
function carriedOut(request: Omit<NoteRequest, "heard">): Decision {
  const { requestId: _process, ...data } = request;
  const { type, schemaVersion } = carryOutTopUp;
  return {
    facts: [{ type: topUpRequested.type, data: request }],
    commands: [{ target: "subscription", type, schemaVersion, data: data satisfies CarryOutTopUp }],
  };
}

/** `code`: why it was refused; null: it is posted. */
function settled(requestId: string, accountId: string, code: string | null): Decision {
  const outcome = code === null ? "posted" : "refused";
  return { facts: [{ type: requestSettled.type, data: { requestId, accountId, outcome, code } }] };
}

/** What the books will not have must not stay debited. */
function posted({ requestId, accountId, outcome, debit }: ReportPosting): Decision {
  if (outcome === "posted") return settled(requestId, accountId, null);
  const { type, schemaVersion } = takeBackTopUp;
  const data = { accountId, processId: requestId, reasonCode: postingGivenUp, debit };
  return {
    ...settled(requestId, accountId, postingGivenUp),
    commands: [{ target: "subscription", type, schemaVersion, data }],
  };
}

function failed(requestId: string, code: RequestRefusal): Decision {
  return { facts: [{ type: requestFailed.type, data: { requestId, code, reason: requestRefusals[code] } }] };
}
