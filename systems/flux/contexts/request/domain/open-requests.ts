import type { Fact } from "@entente/core/model";
import {
  type RequestClosed,
  type RequestSettled,
  requestClosed,
  requestSettled,
} from "../contract/request-settled.ts";
import {
  type RequestFailed,
  requestFailed,
  type TopUpRequest,
  topUpRequested,
  topUpSubmitted,
} from "../contract/top-up-request.ts";

/** Where a request is: on its way to the authority, recorded there and being carried out, or on its way back. */
export type OpenRequest =
  | { readonly at: "submitted" | "requested" }
  | { readonly at: "settled"; readonly outcome: RequestSettled["outcome"] };

/** The requests of one account that have no end yet, by id. What has ended leaves, so that it grows with what is open alone. */
export interface OpenRequests {
  readonly open: Readonly<Record<string, OpenRequest>>;
}

export const noRequests: OpenRequests = { open: {} };

/** Pure and total: a fact it does not know changes nothing. */
export function evolve(state: OpenRequests, { type, data }: Pick<Fact, "type" | "data">): OpenRequests {
  switch (type) {
    case topUpSubmitted.type:
      return withRequest(state, (data as TopUpRequest).requestId, { at: "submitted" });
    case topUpRequested.type:
      return withRequest(state, (data as TopUpRequest).requestId, { at: "requested" });
    case requestSettled.type: {
      const { requestId, outcome } = data as RequestSettled;
      return withRequest(state, requestId, { at: "settled", outcome });
    }
    case requestClosed.type:
    case requestFailed.type: {
      const { [(data as RequestClosed | RequestFailed).requestId]: _ended, ...open } = state.open;
      return { open };
    }
    default:
      return state;
  }
}

function withRequest({ open }: OpenRequests, requestId: string, request: OpenRequest): OpenRequests {
  return { open: { ...open, [requestId]: request } };
}
