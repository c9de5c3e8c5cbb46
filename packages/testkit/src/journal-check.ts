import { type ClientCommand, type ClientRecord, commandsOf, groupBy } from "./client-journal.ts";

/** The final fact of one process, as read from the ledger. */
export interface LedgerFact {
  readonly processId: string;
  readonly account: string;
  readonly type: "confirmed" | "refused" | "failed";
  /** Place in the account's journal. */
  readonly order: number;
  /** Place of the command in the order of acceptance; null when it is not known. */
  readonly acceptedOrder: number | null;
}

export type ViolationCode =
  /** C1: accepted, but nothing ever became of it. */
  | "accepted-lost"
  /** C1, C3: one process has more than one effect. */
  | "effect-doubled"
  /** C1: an effect that no client asked for. */
  | "effect-phantom"
  /** C1: the client was told no, and yet it happened. */
  | "refused-executed"
  /** C1: one idempotency key was given two processes. */
  | "key-split"
  /** C1: two keys were given the same process. */
  | "process-shared"
  /** C1: the effect is on another account than the command. */
  | "account-mixed"
  /** C2: two effects of an account claim the same place. */
  | "place-shared"
  /** C2: effects of an account are not in the order of acceptance. */
  | "acceptance-order"
  /** C4: a was answered before b was sent, but b's effect comes first. */
  | "real-time-order";

export interface Violation {
  readonly code: ViolationCode;
  /** One sentence with the keys, processes and places in question. */
  readonly text: string;
}

/** What a run really contained. A count that stayed 0 means that its case was not tested. */
export interface JournalCounts {
  /** Keys by what became of them for the client. */
  readonly accepted: number;
  readonly refused: number;
  readonly unknown: number;
  /** Keys asked for more than once. */
  readonly repeated: number;
  /** Unknown to the client and executed all the same. */
  readonly unknownExecuted: number;
  /** Effects in the ledger. */
  readonly confirmedEffects: number;
  readonly refusedEffects: number;
  readonly failedEffects: number;
  /** Commands sent after another of their account had been answered: those whose real-time order was compared. */
  readonly orderedInRealTime: number;
}

/**
 * Compares what clients were told with what the ledger says. Run it after the system has come to rest.
 * Returns every violation found. None means: every accepted command has exactly one effect, refused ones have none,
 * unknown ones at most one, and the effects of an account keep the order of acceptance and of real time.
 * An effect of a process no client knows is put down to an unanswered request of its account while there is one that
 * real time allows. Takes O(n log n). A run can be empty of violations because it was empty of cases: see countJournal.
 */
export function checkJournal(
  records: readonly ClientRecord[],
  facts: readonly LedgerFact[],
): readonly Violation[] {
  return compare(records, facts).violations;
}

/** Counts the cases in a run, so that a test can demand that there were some of each. */
export function countJournal(records: readonly ClientRecord[], facts: readonly LedgerFact[]): JournalCounts {
  return compare(records, facts).counts;
}

type Report = (code: ViolationCode, text: string) => void;
/** The first effect of each process. */
type Effects = ReadonlyMap<string, LedgerFact>;

function compare(records: readonly ClientRecord[], facts: readonly LedgerFact[]) {
  const violations: Violation[] = [];
  const report: Report = (code, text) => violations.push({ code, text });
  const commands = commandsOf(records);
  const effects = checkOnce(facts, report);
  const unowned = checkOwners(commands, effects, report);
  const earlier = earlierEffects(commands, effects);
  checkRealTime(commands, effects, earlier, report);
  const explained = explainUnowned(unowned, commands, earlier, report);
  for (const ofAccount of groupBy([...effects.values()], (fact) => fact.account).values()) {
    checkAcceptanceOrder(ofAccount, report);
  }
  const ended = (outcome: string) => commands.filter((command) => command.outcome === outcome).length;
  const typed = (type: string) => facts.filter((fact) => fact.type === type).length;
  const counts: JournalCounts = {
    accepted: ended("accepted"),
    refused: ended("refused"),
    unknown: ended("unknown"),
    repeated: commands.filter((command) => command.requests > 1).length,
    unknownExecuted:
      explained +
      commands.filter((command) => command.outcome === "unknown" && effectOf(command, effects)).length,
    confirmedEffects: typed("confirmed"),
    refusedEffects: typed("refused"),
    failedEffects: typed("failed"),
    orderedInRealTime: earlier.size,
  };
  return { violations, counts };
}

function checkOnce(facts: readonly LedgerFact[], report: Report): Effects {
  const effects = new Map<string, LedgerFact>();
  for (const [processId, ofProcess] of groupBy(facts, (fact) => fact.processId)) {
    const [first, ...more] = ofProcess.toSorted((a, b) => a.order - b.order);
    if (first === undefined) continue;
    effects.set(processId, first);
    if (more.length > 0) {
      const places = [first, ...more].map((fact) => `${fact.type} at ${fact.order}`).join(", ");
      report(
        "effect-doubled",
        `Process ${processId} of ${first.account} has ${more.length + 1} effects: ${places}.`,
      );
    }
  }
  return effects;
}

/** Returns the effects whose process no client was told of. */
function checkOwners(commands: readonly ClientCommand[], effects: Effects, report: Report): LedgerFact[] {
  const owners = new Map<string, ClientCommand>();
  for (const command of commands) {
    if (command.processIds.length > 1) {
      report("key-split", `${told(command)} was given the processes ${command.processIds.join(", ")}.`);
    }
    for (const processId of command.processIds) {
      const other = owners.get(processId);
      if (other !== undefined) {
        report("process-shared", `${told(command)} was given process ${processId}, as was key ${other.key}.`);
      }
      owners.set(processId, command);
    }
    if (command.outcome === "accepted" && effectOf(command, effects) === undefined) {
      const process = command.processIds[0] ?? "(none given)";
      report("accepted-lost", `${told(command)} was accepted as process ${process}, which has no effect.`);
    }
  }
  const unowned: LedgerFact[] = [];
  for (const fact of effects.values()) {
    const owner = owners.get(fact.processId);
    if (owner === undefined) {
      unowned.push(fact);
      continue;
    }
    if (owner.outcome === "refused")
      report("refused-executed", `${told(owner)} was refused, but ${done(fact)}.`);
    if (owner.account !== fact.account)
      report("account-mixed", `${told(owner)} was meant, but ${done(fact)}.`);
  }
  return unowned;
}

/** For each command: the latest effect among those of its account that were answered before it was sent. */
function earlierEffects(
  commands: readonly ClientCommand[],
  effects: Effects,
): ReadonlyMap<ClientCommand, LedgerFact> {
  const earlier = new Map<ClientCommand, LedgerFact>();
  for (const ofAccount of groupBy(commands, (command) => command.account).values()) {
    const answered = ofAccount
      .flatMap((command) => {
        const effect = effectOf(command, effects);
        return command.answeredOrder === null || effect === undefined
          ? []
          : [{ at: command.answeredOrder, effect }];
      })
      .sort((a, b) => a.at - b.at);
    let next = 0;
    let latest: LedgerFact | undefined;
    for (const command of ofAccount.toSorted((a, b) => a.sentOrder - b.sentOrder)) {
      for (
        let known = answered[next];
        known !== undefined && known.at < command.sentOrder;
        known = answered[++next]
      ) {
        if (latest === undefined || known.effect.order > latest.order) latest = known.effect;
      }
      if (latest !== undefined) earlier.set(command, latest);
    }
  }
  return earlier;
}

function checkRealTime(
  commands: readonly ClientCommand[],
  effects: Effects,
  earlier: ReadonlyMap<ClientCommand, LedgerFact>,
  report: Report,
): void {
  for (const command of commands) {
    const effect = effectOf(command, effects);
    const before = earlier.get(command);
    if (effect === undefined || before === undefined || before.order <= effect.order) continue;
    report(
      "real-time-order",
      `${told(command)} was sent after process ${before.processId} had been answered, but ${done(effect)}, before that one at ${before.order}.`,
    );
  }
}

/** Finds an unanswered request for each effect without an owner; returns for how many there was one. */
function explainUnowned(
  unowned: readonly LedgerFact[],
  commands: readonly ClientCommand[],
  earlier: ReadonlyMap<ClientCommand, LedgerFact>,
  report: Report,
): number {
  const unanswered = groupBy(
    commands.filter((command) => command.outcome === "unknown" && command.processIds.length === 0),
    (command) => command.account,
  );
  let explained = 0;
  for (const [account, ofAccount] of groupBy(unowned, (fact) => fact.account)) {
    // An unanswered request can have caused an effect only after everything that was answered before it was sent.
    // Bounds and effects both ascend, so a request that allows one effect also allows every later one.
    const bounds = (unanswered.get(account) ?? [])
      .map((command) => earlier.get(command)?.order ?? Number.NEGATIVE_INFINITY)
      .sort((a, b) => a - b);
    const unexplained: LedgerFact[] = [];
    let used = 0;
    for (const fact of ofAccount.toSorted((a, b) => a.order - b.order)) {
      if ((bounds[used] ?? Number.POSITIVE_INFINITY) < fact.order) used++;
      else unexplained.push(fact);
    }
    explained += used;
    for (const [i, fact] of unexplained.entries()) {
      if (i < bounds.length - used) {
        report(
          "real-time-order",
          `Only a request of ${account} sent later than others were answered can explain that ${done(fact)}, before theirs.`,
        );
      } else report("effect-phantom", `No request of ${account} explains that ${done(fact)}.`);
    }
  }
  return explained;
}

/** Neighbours are enough: a list is in order when all its neighbours are. */
function checkAcceptanceOrder(ofAccount: readonly LedgerFact[], report: Report): void {
  let last: LedgerFact | undefined;
  let lastAccepted: LedgerFact | undefined;
  for (const fact of ofAccount.toSorted((a, b) => a.order - b.order)) {
    if (last?.order === fact.order) {
      report("place-shared", `Process ${last.processId} has the same place: ${done(fact)}.`);
    }
    last = fact;
    if (fact.acceptedOrder === null) continue;
    if (lastAccepted?.acceptedOrder != null && lastAccepted.acceptedOrder >= fact.acceptedOrder) {
      report(
        "acceptance-order",
        `Process ${lastAccepted.processId}, accepted at ${lastAccepted.acceptedOrder}, comes at ${lastAccepted.order}, ` +
          `but was not accepted earlier than ${fact.acceptedOrder}: ${done(fact)}.`,
      );
    }
    lastAccepted = fact;
  }
}

function effectOf(command: ClientCommand, effects: Effects): LedgerFact | undefined {
  for (const processId of command.processIds) {
    const effect = effects.get(processId);
    if (effect !== undefined) return effect;
  }
  return undefined;
}

function told(command: ClientCommand): string {
  return `Key ${command.key} of ${command.account}, sent at ${new Date(command.sentAt).toISOString()} (${command.sentOrder}),`;
}

function done(fact: LedgerFact): string {
  return `process ${fact.processId} was ${fact.type} at ${fact.account} ${fact.order}`;
}
