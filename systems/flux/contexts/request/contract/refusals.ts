/** Why a request is not carried out, with the one sentence a customer may read. Codes are for ever. */
export const requestRefusals = {
  "request-refused": "This account may not top up at present.",
  "request-cancelled": "This top-up was cancelled before it was carried out.",
  "tenant-not-served": "Top-ups cannot be made here: your provider is not connected.",
  "request-given-up": "This top-up could not be submitted and was cancelled.",
} as const;

export type RequestRefusal = keyof typeof requestRefusals;
