/** One file because a treaty is read as one: what its author declares, and what is given to what he wrote. */
import type { Socket } from "node:net";
import type { Static, TSchema } from "typebox";
import type { Amounts, DayRecord } from "../model/day-totals.ts";
import type { Entry, JsonObject } from "../model/entry.ts";
import type { Freshness } from "../model/freshness.ts";
import type { HandOffState } from "../model/hand-off.ts";
import type { ErrorMap, RowTranslation, Translation } from "../model/hand-off-answer.ts";
import type { HandOff } from "../model/hand-off-record.ts";
import { type HandOffTimes, reconcileEveryMsByDefault } from "../model/hand-off-times.ts";
import type { CallBudget } from "./call-budget.ts";
import type { Verification } from "./callback-verification.ts";
import type { Runbook, SheetText, TreatyAnswers, TreatyStyle } from "./contract-sheet.ts";
import type { Destination } from "./egress.ts";
import type { SendingWindow } from "./sending-window.ts";

/**
 * A treaty: one integration with a system that is not ours, declared once. It is executed, documented and guarded from this value.
 * What is missing is a type error here and `treaty-incomplete` for one loaded from elsewhere (check-treaty.ts).
 */
export type Treaty = HandOffTreaty | ReadingTreaty | FollowingTreaty;

export type ActingKind = "command-with-callback" | "event-feed" | "file-exchange" | "control-plane-sync";
export type ReadingKind = "synchronous-query" | "table-replication";
/** We follow their changes; `event-feed` above is the other direction. */
export type FollowingKind = "change-feed";

export type TreatyRelation = "customer-supplier" | "conformist";

/** What every treaty declares. */
export interface Declared {
  /** Unique in the system. */
  readonly name: string;
  /** Semantic version of what is agreed. */
  readonly version: string;
  /** The system asked; limits and circuit are per target. */
  readonly target: string;
  readonly sheet: SheetText;
  readonly runbook: Runbook;
  readonly answers: TreatyAnswers;
  readonly style: TreatyStyle;
  /** What their codes mean. */
  readonly errorMap: ErrorMap;
  /** Names of the secrets it uses; no other treaty's are given to it. */
  readonly credentials: readonly string[];
  /**
   * How the two sides stand to each other, where there is more to say than that their words are translated. `customer-supplier`: they are
   * upstream, and their record is where our work begins. `conformist`: they are downstream and take what was decided as it is.
   */
  readonly relation?: TreatyRelation;
  /** What they allow in a day; shared by the treaties with the same target. Used through `means.count`. Absent: nothing is metered. */
  readonly budgets?: readonly CallBudget[];
}

/** A treaty with an effect over there, as its author writes it: what has a default may be left out. */
export interface HandOffDeclaration<Input extends TSchema = TSchema, Output extends TSchema = TSchema>
  extends Declared {
  readonly kind: ActingKind;
  /** What is asked for; part of the key. */
  readonly purpose: string;
  readonly input: Input;
  /** Body of what `send` and `inquire` bring back. */
  readonly output: Output;
  /** Contexts whose facts lead to hand-offs, and the types of these facts. */
  readonly factsFrom: readonly string[];
  readonly facts: readonly string[];
  /** What a fact asks for: nothing, one act or several. Pure. */
  request(fact: Entry): readonly HandOffRequest<Static<Input>>[];
  /** Acts that a fact makes unwanted. Pure. */
  withdraws?(fact: Entry): readonly Subject[];
  /** How many rows travel together; absent: every act alone. */
  readonly batch?: { readonly rowsAllowed: number };
  /**
   * Sends once. Anything thrown means that it may have happened, except a Failure of kind `unavailable` (see `notSent`).
   * Everything it needs to reach the outside is in `means`; it keeps nothing between calls.
   */
  send(dispatch: Dispatch<Static<Input>>, means: Means): Promise<Reply>;
  /** Asks the authority what became of a key. Must not change anything over there. */
  inquire(question: Question, means: Means): Promise<Reply>;
  /** Their words in ours. Pure; what it cannot read it throws for. */
  translate(reply: Reply<Static<Output>>, of: "answer" | "inquiry" | "callback"): Translation;
  /** How their callbacks are recognised; absent: there are none. */
  readonly callback?: CallbackRule;
  /** Sums that both sides must come to, day by day; absent: hand-offs are compared one by one only. */
  readonly totals?: TotalsRule<Static<Input>>;
  /** What the domain is told when a hand-off moves: commands to the owning context. Pure. */
  tells?(news: HandOffNews): readonly DomainCommand[];
  /**
   * What the domain is told when the authority says of a completed act that it did not happen after all; `to` stays `completed`. A case is
   * opened as well. Told as often as they say it, and so to a decider that does not mind. Absent: the case is all. Pure.
   */
  tellsTakenBack?(news: HandOffNews): readonly DomainCommand[];
  /** The act that undoes a completed one nobody wants any more; null: a person does. Pure. */
  undoes?(handOff: HandOff, request: JsonObject): UndoRequest | null;
  readonly times: DeclaredTimes;
  readonly limits: TreatyLimits;
  /** When they take requests; absent: always. */
  readonly window?: SendingWindow;
  /** `per-key`: acts of one ordering key are sent one after the other, each once the one before it is taken in or settled. */
  readonly order: "per-key" | "none";
}

/** A treaty with an effect over there, as it is executed: with every default in its place. Made by `defineTreaty` and `checkTreaty`. */
export interface HandOffTreaty<Input extends TSchema = TSchema, Output extends TSchema = TSchema>
  extends HandOffDeclaration<Input, Output> {
  readonly times: TreatyTimes;
}

/**
 * A treaty that only reads. A code of refused credentials, given by `translate` or as `externalCode` of a Failure that `ask` throws, stops
 * it; nothing else does but a person.
 */
export interface ReadingTreaty<Input extends TSchema = TSchema, Output extends TSchema = TSchema>
  extends Declared {
  readonly kind: ReadingKind;
  readonly input: Input;
  readonly output: Output;
  ask(input: Static<Input>, means: Means): Promise<Reply>;
  translate(reply: Reply<Static<Output>>): Translation & { readonly answer?: JsonObject };
  readonly timeoutMs: number;
  /** An answer this old will still do when they are away; 0: none will. */
  readonly staleAllowedMs: number;
  /** Of each process: questions go out from where somebody waits. What is more is answered `counterparty-busy` at once. */
  readonly limits: Pick<TreatyLimits, "concurrency" | "ratePerSecond">;
}

/**
 * A treaty that keeps a context up to date with records of which they are the authority. Their feed says which records changed; what
 * changed about them is read from the record itself, so that an event told twice, late, in part or not at all does no lasting harm.
 * What is new becomes a command to the context, in the transaction that moves our place in their feed.
 * Trouble is tried again for ever; a Failure whose `externalCode` is one of refused credentials stops the treaty.
 * Source: docs/decisions/0012-following-the-changes-of-others.md, docs/states/followed-feed.md.
 */
export interface FollowingTreaty<Input extends TSchema = TSchema, Output extends TSchema = TSchema>
  extends Declared {
  readonly kind: FollowingKind;
  /** Whose records they are: one feed carries one tenant's. */
  readonly tenantId: string;
  /** How a place in their feed is named. */
  readonly input: Input;
  /** One record as they give it; checked before `tells` sees it. */
  readonly output: Output;
  /**
   * Listens to their feed after a place; null: to what changes from now on.
   * Errors: `feed-place-lost` (conflict) when they do not know the place any more: everything is read again.
   */
  listen(after: string | null, means: Means): Promise<Listening>;
  /** All their records, page by page, those that were removed and are still known included. `after`: null for the first page. */
  readPage(after: string | null, means: Means): Promise<RecordPage>;
  /** Their record in our words. Pure; what it cannot read it throws for: that opens the case of a record that is not as agreed. */
  tells(record: Static<Output>): RecordNews;
  /** What the context is told of a record that they do not have any more. Pure. */
  tellsGone(record: { readonly name: string; readonly key: string }): DomainCommand;
  readonly times: FollowingTimes;
}

/** One connection to their feed. */
export interface Listening {
  /**
   * Waits for news, as long as the means allow. Nothing new is news, too: they are there. Called again only after it has answered; also while
   * everything is read.
   */
  next(means: Means): Promise<FeedNews>;
}

export interface FeedNews {
  /** Where to go on after these; null: where we were. */
  readonly place: string | null;
  /** The changed records as they are now. */
  readonly records: readonly unknown[];
  /** More has changed than these: everything is read again. */
  readonly incomplete: boolean;
}

export interface RecordPage {
  readonly records: readonly unknown[];
  /** Of the next page; null: this was the last. */
  readonly next: string | null;
}

export interface RecordNews {
  /** What the record is called on both sides, for ever. */
  readonly name: string;
  /** Ordering key of the command. */
  readonly key: string;
  /** False: they have removed it. */
  readonly isThere: boolean;
  readonly command: DomainCommand;
}

export interface FollowingTimes {
  /** Longest wait for one answer. */
  readonly answerWithinMs: number;
  /** Longest silence of a feed on which nothing happens. */
  readonly quietMs: number;
  /** Before listening anew after trouble; doubles up to `retryLongestMs`. */
  readonly retryFirstMs: number;
  readonly retryLongestMs: number;
  /** Between readings of everything, business time: what the feed never told is found by them. */
  readonly readAllEveryMs: number;
}

/**
 * Sums by group over the acts of a day that is over, ours against those of their books. What has no outcome here yet counts on neither
 * side. Each run reports sums, and which records are missing, extra or different; a day that differs has a case until it agrees.
 */
export interface TotalsRule<Data = JsonObject> {
  /** The day an act belongs to (`2026-11-24`, UTC), what they call it, and what it adds to which sums. Pure. */
  ofAct(act: { readonly tenantId: string; readonly idempotencyKey: string; readonly data: Data }): {
    /** No later than the day on which the act is opened: that is how the acts of a day are found. */
    readonly day: string;
    /** Another one for every act, over all tenants. */
    readonly name: string;
    /** Whole minor units. */
    readonly amounts: Amounts;
  };
  /**
   * Their records of a day in the tenant's books, page by page; a record may come in parts. Must not change anything over there.
   * Anything thrown or refused: the run is given up and made again after `reconcileEveryMs`; refused credentials stop the treaty.
   */
  readPage(question: TotalsQuestion, means: Means): Promise<TotalsPage | TotalsRefusal>;
  /** Milliseconds from the end of a day until it is compared: what is posted late has come in by then. */
  readonly closesAfterMs: number;
  /** Days that each run compares, the last ones that are over (1..31): what is changed later is found, too. */
  readonly days: number;
  /**
   * Acts, and records of a day, that are held in memory at once (default 100,000). More are compared in parts, one after the other; the books are
   * read once for each.
   */
  readonly heldAtOnce?: number;
  /** Other treaties of the context whose acts stand in the same books, running or not any more (default: none). */
  readonly togetherWith?: readonly string[];
}

export interface TotalsQuestion {
  readonly tenantId: string;
  readonly day: string;
  /** Null: the first page. */
  readonly after: string | null;
}

export interface TotalsPage {
  readonly records: readonly DayRecord[];
  /** Of the next page; null: this was the last. */
  readonly next: string | null;
}

/** No page but a code, looked up in the error map. */
export interface TotalsRefusal {
  readonly code: string;
}

export interface TreatyTimes extends HandOffTimes {
  /** Longest wait for the answer to one sending or question (100..300,000). */
  readonly answerWithinMs: number;
}

/** Times as declared. `reconcileEveryMs`: 15 minutes when it is left out. */
export type DeclaredTimes = Omit<TreatyTimes, "reconcileEveryMs"> &
  Partial<Pick<TreatyTimes, "reconcileEveryMs">>;

/**
 * Per target, over all processes of the treaty's context; a process takes the share of its lanes. Contexts know nothing of each other: where
 * several work for one counterparty, each declares its part of what that allows. Reconciliation asks at the same rate besides.
 */
export interface TreatyLimits {
  /** Requests under way at once (1..256). */
  readonly concurrency: number;
  /** Sendings per second over time; bursts of as many. */
  readonly ratePerSecond: number;
  /** Sendings under one key (1..100). */
  readonly triesAllowed: number;
  /** Failures in a row that open the circuit. */
  readonly circuitFailures: number;
  /** Milliseconds the circuit stays open before one request tries whether they are back. */
  readonly circuitOpenMs: number;
}

/** What an act is about, apart from tenant, target and purpose. */
export interface Subject {
  readonly aggregateType: string;
  readonly aggregateId: string;
  readonly line: string | null;
}

export interface HandOffRequest<Data = JsonObject> extends Subject {
  /** Ordering key; default: the fact's. */
  readonly key?: string;
  readonly data: Data;
}

export interface UndoRequest extends HandOffRequest {
  /** Treaty of the same context that does it. */
  readonly treaty: string;
}

/** One sending. Everything a message must carry to be found again is here. */
export interface Dispatch<Data = JsonObject> extends Subject {
  readonly tenantId: string;
  readonly handOffId: string;
  /** Id of this sending; another one at each try. */
  readonly messageId: string;
  readonly idempotencyKey: string;
  /** Hexadecimal. */
  readonly requestHash: string;
  readonly attempt: number;
  readonly tries: number;
  readonly correlationId: string;
  readonly causationId: string;
  readonly processId: string;
  readonly source: string;
  readonly schemaVersion: string;
  readonly externalReference: string | null;
  readonly data: Data;
  /** Rows of a batch that have no outcome yet; empty for a single act. */
  readonly rows: readonly DispatchRow<Data>[];
}

export interface DispatchRow<Data = JsonObject> extends Subject {
  readonly row: number;
  readonly idempotencyKey: string;
  readonly requestHash: string;
  readonly data: Data;
}

/** What an act is about stands in it as well, for authorities that must be asked by it while they have given no name of their own. */
export interface Question extends Subject {
  readonly tenantId: string;
  readonly handOffId: string;
  readonly idempotencyKey: string;
  readonly requestHash: string;
  readonly externalReference: string | null;
  readonly correlationId: string;
  /** Keys of the rows that have no outcome yet. */
  readonly rowKeys: readonly string[];
}

/** What the author's functions may reach the outside with. */
export interface Means {
  /** Ends when the time is over or the process stops. */
  readonly signal: AbortSignal;
  /** The present value of one of the treaty's own secrets. Errors: `credential-unknown` (defect). */
  secret(name: string): Promise<string>;
  /**
   * The one way out: opens a connection to where the treaty may go. Give it to `http` and `https` as `createConnection`, without an agent.
   * Errors: `egress-refused` (refused), thrown for an address, on the socket for a name that leads where it may not.
   */
  readonly connect: (to: Destination) => Socket;
  /**
   * Notes what counts against one of the treaty's budgets, once they have had it. `operation`: a kind of call, one of a few words.
   * Errors: thrown for a budget that the treaty does not declare.
   */
  count(budget: string, operation: string, by?: number): void;
  /** Headers to send along, by which the counterparty goes on with the trace; absent: no telemetry, or no process it belongs to. */
  readonly traceHeaders?: Readonly<Record<string, string>>;
}

/** What came back, as it came. */
export interface Reply<Body = unknown> {
  readonly body: Body;
  /** Their status, such as the HTTP status. */
  readonly status: string;
  /** The bytes, for the hash that is kept as evidence. */
  readonly raw: string | Uint8Array;
}

export interface CallbackRule {
  readonly schema: TSchema;
  readonly verification: Verification;
  /** Addresses and ranges (CIDR) that may connect, of a proxy where one stands between; absent: any that can sign. */
  readonly allowedFrom?: readonly string[];
  /** What it speaks of. `reference`: our key, or their name for it. Pure; the body has passed the schema. */
  identify(body: unknown): {
    readonly tenantId: string;
    readonly reference: string;
    /** Their id of the message, where the signature does not cover one. */
    readonly messageId?: string;
  };
  /** Milliseconds an early one waits for its hand-off before a person looks (default 24 h). */
  readonly waitsMs?: number;
}

export interface HandOffNews {
  readonly handOff: HandOff;
  /** What was asked for, as it stands in the opening entry; null for a batch. */
  readonly request: JsonObject | null;
  readonly from: HandOffState;
  readonly to: HandOffState;
  readonly code: string | null;
  /** Rows that got an outcome with this move. */
  readonly rows: readonly RowTranslation[];
  /** Our side withdrew it, and it was done all the same. */
  readonly unwanted: boolean;
}

export interface DomainCommand {
  readonly type: string;
  readonly schemaVersion: string;
  readonly key: string;
  /**
   * The process it is part of, a UUID, where what they told names one of ours. Absent: that of the hand-off; what is heard of a record
   * starts a process of its own.
   */
  readonly processId?: string;
  /** How long it may be taken for news, when it tells what was seen over there; absent: for ever. */
  readonly ttlMs?: Freshness;
  readonly data: JsonObject;
}

/** Gives the declaration its types and its defaults. What else it leaves out is a type error. */
export function defineTreaty<Input extends TSchema, Output extends TSchema>(
  treaty: HandOffDeclaration<Input, Output>,
): HandOffTreaty<Input, Output> {
  return withDefaults(treaty);
}

/** The declaration with what it may leave out; itself, when it leaves out nothing. */
export function withDefaults<Input extends TSchema, Output extends TSchema>(
  treaty: HandOffDeclaration<Input, Output>,
): HandOffTreaty<Input, Output> {
  const { times } = treaty;
  if (times.reconcileEveryMs !== undefined) return treaty as HandOffTreaty<Input, Output>;
  return { ...treaty, times: { ...times, reconcileEveryMs: reconcileEveryMsByDefault } };
}

export function defineReadingTreaty<Input extends TSchema, Output extends TSchema>(
  treaty: ReadingTreaty<Input, Output>,
): ReadingTreaty<Input, Output> {
  return treaty;
}

export function defineFollowingTreaty<Input extends TSchema, Output extends TSchema>(
  treaty: FollowingTreaty<Input, Output>,
): FollowingTreaty<Input, Output> {
  return treaty;
}

export function isHandOffTreaty(treaty: Treaty): treaty is HandOffTreaty {
  return !isReadingTreaty(treaty) && !isFollowingTreaty(treaty);
}

export function isReadingTreaty(treaty: Treaty): treaty is ReadingTreaty {
  return treaty.kind === "synchronous-query" || treaty.kind === "table-replication";
}

export function isFollowingTreaty(treaty: Treaty): treaty is FollowingTreaty {
  return treaty.kind === "change-feed";
}
