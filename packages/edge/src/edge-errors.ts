import type { FailureKind } from "@entente/core/model";

/** One error the edge can answer with. `code` is stable and never reused for something else. */
export interface EdgeError {
  readonly code: string;
  /** HTTP status. These numbers live nowhere but in this package. */
  readonly status: number;
  /** What happened and what the caller should do, for docs and for answers whose cause has no sentence of its own. */
  readonly meaning: string;
  /** Seconds for `Retry-After` when the failure does not name its own. */
  readonly retryAfterSeconds?: number;
  /** Fields of the failure that are shown; all others stay inside. */
  readonly shows?: readonly string[];
}

/** What the client sent cannot be read as a request at all. */
const transport: readonly EdgeError[] = [
  { code: "request-malformed", status: 400, meaning: "This is not a complete HTTP/1.1 request." },
  { code: "url-malformed", status: 400, meaning: "The path is not valid percent-encoded UTF-8." },
  {
    code: "request-timeout",
    status: 408,
    meaning: "Headers or body did not arrive in time. Nothing was done.",
  },
  { code: "headers-too-large", status: 431, meaning: "Request line and headers exceed 8 KiB together." },
  {
    code: "too-many-connections",
    status: 503,
    meaning: "This address, or the server, has as many connections as allowed. Nothing was read.",
    retryAfterSeconds: 5,
  },
];

const routing: readonly EdgeError[] = [
  { code: "route-unknown", status: 404, meaning: "There is nothing at this path." },
  { code: "method-not-allowed", status: 405, meaning: "The path exists; `Allow` lists its methods." },
  { code: "upgrade-required", status: 426, meaning: "This path speaks WebSocket only." },
];

const body: readonly EdgeError[] = [
  { code: "body-too-large", status: 413, meaning: "The body exceeds 64 KiB." },
  {
    code: "content-type-unsupported",
    status: 415,
    meaning: "Bodies are `application/json` in UTF-8 without content encoding.",
  },
  { code: "body-not-json", status: 400, meaning: "The body is not JSON text in UTF-8." },
  { code: "body-too-deep", status: 422, meaning: "The body nests deeper than 16 levels." },
  { code: "body-duplicate-key", status: 422, meaning: "An object in the body names a member twice." },
  {
    code: "body-unsafe-key",
    status: 422,
    meaning: "An object in the body has a member named `__proto__` or `constructor.prototype`.",
  },
  { code: "body-invalid", status: 422, meaning: "The body breaks the schema; `errors` says where." },
  { code: "query-invalid", status: 422, meaning: "The query breaks the schema; `errors` says where." },
];

const access: readonly EdgeError[] = [
  { code: "token-missing", status: 401, meaning: "Send `Authorization: Bearer` with a token." },
  {
    code: "token-invalid",
    status: 401,
    meaning: "The token is not one of ours: signature, algorithm, issuer, audience or claims do not fit.",
  },
  { code: "token-expired", status: 401, meaning: "The token is past its time. Get a new one." },
  {
    code: "token-keys-unavailable",
    status: 503,
    meaning: "The keys that tokens are checked with cannot be fetched. Nothing was done.",
    retryAfterSeconds: 5,
  },
  { code: "role-not-allowed", status: 403, meaning: "The token's role may not do this." },
  { code: "account-not-allowed", status: 403, meaning: "The token does not speak for this account." },
];

const commands: readonly EdgeError[] = [
  {
    code: "idempotency-key-missing",
    status: 400,
    meaning: "Commands need an `Idempotency-Key`, so that sending again is safe.",
  },
  {
    code: "idempotency-key-invalid",
    status: 400,
    meaning: "An `Idempotency-Key` is 1 to 255 visible ASCII characters, once.",
  },
  {
    code: "idempotency-key-reused",
    status: 422,
    meaning: "The key belongs to another request of yours, whose `processId` is given. Nothing was stored.",
    shows: ["processId"],
  },
  {
    code: "backlog-full",
    status: 429,
    meaning: "Too many commands wait. Nothing was stored; send it again with the same key after the wait.",
    shows: ["expectedWaitSeconds"],
  },
  {
    code: "intake-full",
    status: 429,
    meaning: "Too many commands arrive at once. Nothing was stored; send it again with the same key.",
    retryAfterSeconds: 1,
  },
  {
    code: "intake-closed",
    status: 503,
    meaning: "The server is shutting down. Nothing was stored; send it again with the same key.",
    retryAfterSeconds: 5,
  },
  {
    code: "acceptance-unknown",
    status: 504,
    meaning:
      "The command may have been accepted. Send the same again with the same key: that never acts twice.",
    retryAfterSeconds: 5,
  },
];

const reading: readonly EdgeError[] = [
  {
    code: "process-unknown",
    status: 404,
    meaning: "You have no such process. Processes of others look the same as processes that never were.",
  },
  {
    code: "too-many-streams",
    status: 429,
    meaning: "This caller has as many open streams as allowed. Close one first.",
    retryAfterSeconds: 10,
  },
  { code: "cursor-invalid", status: 422, meaning: "This is not a cursor of this feed." },
  {
    code: "cursor-outdated",
    status: 409,
    meaning: "The journal was re-created or restored since this cursor was given. Start from the beginning.",
  },
];

const personal: readonly EdgeError[] = [
  {
    code: "subject-erased",
    status: 410,
    meaning: "What was known of this customer was erased; nothing personal is taken in any more.",
  },
  {
    code: "personal-data-unprotected",
    status: 503,
    meaning: "This system has no keys for personal data, so it takes none. Nothing was stored.",
    retryAfterSeconds: 60,
  },
];

const auditing: readonly EdgeError[] = [
  { code: "audit-log-unknown", status: 404, meaning: "There is no such log." },
  { code: "audit-checkpoint-missing", status: 404, meaning: "Nothing of this log has been signed yet." },
  { code: "audit-tile-unknown", status: 404, meaning: "The signed log has no such tile.", shows: ["path"] },
  { code: "audit-nothing-selected", status: 404, meaning: "The signed log has no such entry." },
  { code: "audit-selection-invalid", status: 422, meaning: "Name either a process or an account." },
  {
    code: "audit-selection-too-large",
    status: 422,
    meaning: "There are more entries than are given over HTTP: have them exported.",
    shows: ["indexesAllowed"],
  },
  {
    code: "audit-key-missing",
    status: 503,
    meaning: "This program has no key to sign a bundle with.",
    retryAfterSeconds: 60,
  },
  {
    code: "audit-evidence-behind",
    status: 503,
    meaning: "The signed log has not come to everything that is stored of this yet.",
    retryAfterSeconds: 2,
  },
  {
    code: "audit-log-damaged",
    status: 409,
    meaning:
      "Something of the log was removed or added by hand. The signed checkpoints still say what it was.",
  },
];

const operating: readonly EdgeError[] = [
  { code: "context-unknown", status: 404, meaning: "The system has no such context.", shows: ["context"] },
  {
    code: "not-parked",
    status: 409,
    meaning: "No such entry is parked: it may have been dealt with meanwhile.",
    shows: ["entryId"],
  },
  { code: "month-unknown", status: 404, meaning: "The journal has no such month.", shows: ["month"] },
  {
    code: "retention-not-over",
    status: 409,
    meaning: "The month is kept until the time named. Nothing was deleted.",
    shows: ["month", "keptUntil"],
  },
  {
    code: "month-held",
    status: 409,
    meaning: "The month is past its time and still needed.",
    shows: ["month", "holds"],
  },
  {
    code: "archive-unwritable",
    status: 503,
    meaning: "No archive can be written. Nothing was deleted.",
    retryAfterSeconds: 60,
  },
  {
    code: "statistics-period-invalid",
    status: 422,
    meaning: "The period ends before it begins, or has more parts or days than are read at once.",
    shows: ["partsAllowed", "daysAllowed"],
  },
  { code: "fitness-not-kept", status: 404, meaning: "This system does not keep how it fares." },
  { code: "incident-unknown", status: 404, meaning: "There is no such incident of this tenant." },
  { code: "figure-not-said", status: 404, meaning: "There is no such figure, or it is measured." },
  {
    code: "review-not-open",
    status: 409,
    meaning: "There is no such open review item of this tenant.",
    shows: ["reviewId"],
  },
  {
    code: "cursor-unknown",
    status: 404,
    meaning: "No consumer of this name in this context has a cursor in this journal.",
    shows: ["consumer", "journal"],
  },
  {
    code: "cursor-not-replaced",
    status: 409,
    meaning: "The journal is the one the cursor was made for: somebody may have reset it meanwhile.",
    shows: ["consumer", "journal"],
  },
  {
    code: "repeats-not-accepted",
    status: 422,
    meaning:
      "From the start the consumer would execute commands again. Say `acceptRepeats` if that is meant.",
    shows: ["consumer", "journal"],
  },
  {
    code: "journal-ahead-of-server",
    status: 409,
    meaning:
      "The journal was loaded into a server that has not counted as far: its entries would be read as new later.",
    shows: ["consumer", "journal"],
  },
  {
    code: "case-not-open",
    status: 409,
    meaning: "No such case is open: it may have been dealt with meanwhile.",
    shows: ["caseId"],
  },
  {
    code: "act-not-safe",
    status: 422,
    meaning: "The case does not offer this act.",
    shows: ["caseId", "acts"],
  },
  { code: "reason-missing", status: 422, meaning: "The act takes a reason." },
  { code: "recovery-empty", status: 422, meaning: "Nothing of this treaty may be sent anew." },
  {
    code: "recovery-too-large",
    status: 422,
    meaning: "A recovery names more hand-offs than it may touch.",
    shows: ["named", "allowed"],
  },
  {
    code: "hand-off-not-in-fallout",
    status: 409,
    meaning: "A hand-off named is not in fallout, is not the treaty's, or may not be sent anew.",
    shows: ["missing"],
  },
  { code: "recovery-unknown", status: 404, meaning: "You have no such recovery.", shows: ["requestId"] },
  {
    code: "recovery-not-open",
    status: 409,
    meaning: "No such recovery waits for a decision: somebody may have decided meanwhile.",
    shows: ["requestId"],
  },
  {
    code: "recovery-stale",
    status: 409,
    meaning: "It was asked for more than a day ago, or hand-offs have moved since. Look, and ask anew.",
    shows: ["requestId", "moved"],
  },
  {
    code: "second-person-needed",
    status: 403,
    meaning: "Whoever asked for a recovery cannot approve it.",
  },
  { code: "reconciliation-unknown", status: 404, meaning: "There is no such run.", shows: ["runId"] },
  {
    code: "reconciliation-too-soon",
    status: 429,
    meaning: "It was compared at somebody's wish less than a minute ago.",
    shows: ["treaty", "expectedWaitSeconds"],
  },
  {
    code: "treaty-stopped",
    status: 409,
    meaning: "The treaty is stopped: nobody is asked anything. Let it go on first.",
    shows: ["treaty"],
  },
  {
    code: "commit-unknown",
    status: 504,
    meaning: "The act may have been carried out. Look before doing it again.",
  },
  { code: "not-ready", status: 503, meaning: "The server cannot take commands now.", retryAfterSeconds: 2 },
];

/** What stands for a failure whose own code is not in the catalogue, by its kind. */
const general: readonly EdgeError[] = [
  { code: "database-unavailable", status: 503, meaning: "The store does not answer.", retryAfterSeconds: 2 },
  { code: "refused", status: 422, meaning: "A rule said no." },
  { code: "conflict", status: 409, meaning: "The state moved on. Read again, then decide again." },
  { code: "unavailable", status: 503, meaning: "It did not happen. Try again later.", retryAfterSeconds: 5 },
  { code: "outcome-unknown", status: 504, meaning: "It may have happened. Look before doing it again." },
  { code: "internal-error", status: 500, meaning: "A fault on our side. Quote the `traceId` to support." },
];

/** Every error the edge itself answers with. A system adds its own through `errors` of `buildEdge`. */
/** What counterparties hear about their messages: a code, and nothing that helps to guess. */
const callbacks: readonly EdgeError[] = [
  { code: "treaty-unknown", status: 404, meaning: "There is no treaty of this name." },
  { code: "callback-not-expected", status: 404, meaning: "The treaty has no callbacks." },
  {
    code: "callback-sender-not-allowed",
    status: 403,
    meaning: "The sender's address is not on the treaty's list.",
  },
  {
    code: "callback-signature-missing",
    status: 401,
    meaning: "The message carries no signature, or its headers are malformed.",
  },
  { code: "callback-signature-wrong", status: 401, meaning: "No present secret or key fits the signature." },
  {
    code: "callback-timestamp-outside",
    status: 401,
    meaning: "The message was signed too long ago, or in the future.",
  },
  { code: "callback-too-large", status: 413, meaning: "The message exceeds 1 MiB." },
  {
    code: "callback-unreadable",
    status: 422,
    meaning: "The message is not what the treaty says a callback looks like.",
  },
  {
    code: "callback-id-reused",
    status: 409,
    meaning: "The message id came before with other content.",
  },
];

export const edgeErrors: readonly EdgeError[] = [
  ...transport,
  ...routing,
  ...body,
  ...access,
  ...commands,
  ...reading,
  ...operating,
  ...personal,
  ...auditing,
  ...callbacks,
  ...general,
];

export const codeOfKind: Readonly<Record<FailureKind, string>> = {
  refused: "refused",
  conflict: "conflict",
  unavailable: "unavailable",
  "unknown-outcome": "outcome-unknown",
  defect: "internal-error",
};

/** Why a WebSocket was closed by us: close code and reason. */
export const streamCloses = {
  "server-closing": 1001,
  "message-unexpected": 1008,
  "stream-too-slow": 1013,
  "token-missing": 4401,
  "token-invalid": 4401,
  "token-expired": 4401,
  "role-not-allowed": 4403,
  "too-many-streams": 4429,
  unavailable: 1013,
} as const;

export type StreamClose = keyof typeof streamCloses;
