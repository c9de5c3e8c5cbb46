import type { Decider, Decision, DecisionContext, Fact, Refusal } from "../model/decider.ts";
import type { Entry } from "../model/entry.ts";
import { deriveId } from "../model/id.ts";
import { runbookOf, type Symptom, type SymptomName, symptomKey } from "./symptoms.ts";

/** What is written down of a tenant's fitness: incidents, weeks, review items. One key per tenant. */
export const fitnessKey = "fitness";

/** A figure as it was at the end of a week. */
export interface WeekValue {
  readonly name: string;
  readonly value: number | null;
  readonly state: string;
}

export interface Week {
  /** Its Monday, such as 2026-03-02. */
  readonly week: string;
  readonly values: readonly WeekValue[];
}

/** A figure over its limit. */
export interface OverLimit {
  readonly name: string;
  readonly value: number;
  readonly limit: number;
  /** File of the decision record to look at again. */
  readonly decision: string;
  /** Where the numbers behind it are. */
  readonly evidence: string;
  /** The week in which it was seen. */
  readonly week: string;
}

/** What a look at the system found. Telling the same again changes nothing. */
export interface FitnessLook {
  readonly symptoms: readonly Symptom[];
  /** Symptoms that could not be looked for, because a database is away: their incidents stay as they are. */
  readonly blind: readonly SymptomName[];
  readonly weeks: readonly Week[];
  readonly overLimit: readonly OverLimit[];
}

export interface CloseReview {
  readonly reviewId: string;
  readonly by: string;
  readonly why: string;
}

/** A person says a figure that only people know. */
export interface SayFigure {
  readonly figure: string;
  readonly value: number;
  readonly by: string;
  readonly why: string;
}

export const noteFitness = "entente.note-fitness";
export const closeReview = "entente.close-review";
export const sayFigure = "entente.say-figure";
export const incidentOpened = "entente.incident-opened";
export const incidentClosed = "entente.incident-closed";
export const weekNoted = "entente.fitness-week-noted";
export const reviewOpened = "entente.review-opened";
export const reviewClosed = "entente.review-closed";
export const figureSaid = "entente.figure-said";
const refused = "entente.fitness-refused";

interface OpenIncident {
  readonly incidentId: string;
  readonly symptom: SymptomName;
  readonly subject: string;
  readonly since: number;
  readonly detectedAt: number;
}

interface Review {
  readonly reviewId: string;
  readonly week: string;
  readonly isOpen: boolean;
}

export interface FitnessBook {
  /** By symptom and subject. */
  readonly incidents: Readonly<Record<string, OpenIncident>>;
  /** The latest of each figure. */
  readonly reviews: Readonly<Record<string, Review>>;
  /** The last that was written down; weeks before it are too late. */
  readonly week: string;
}

const rule = { parking: "step-aside", schemaVersion: "1.0.0" } as const;

/**
 * | Command | Fact |
 * | --- | --- |
 * | look that finds a symptom without an open incident | `entente.incident-opened` |
 * | look that finds an incident's symptom gone, and was able to look for it | `entente.incident-closed` |
 * | look at a week after the last one written down | `entente.fitness-week-noted` |
 * | look with a figure over its limit that has no open review item, nor one of the same week | `entente.review-opened` |
 * | closing of an open review item | `entente.review-closed` |
 * | saying of a figure | `entente.figure-said` |
 */
export const fitnessDecider: Decider<FitnessBook> = {
  name: "fitness",
  commands: { [noteFitness]: rule, [closeReview]: rule, [sayFigure]: rule },
  facts: [incidentOpened, incidentClosed, weekNoted, reviewOpened, reviewClosed, figureSaid, refused].map(
    (type) => {
      return { type, schemaVersion: "1.0.0" };
    },
  ),
  refusalType: refused,
  initial: { incidents: {}, reviews: {}, week: "" },
  decide(book, command, context) {
    if (command.type === closeReview) return closed(book, dataOf<CloseReview>(command));
    if (command.type === sayFigure) return said(dataOf<SayFigure>(command));
    return noted(book, dataOf<FitnessLook>(command), context);
  },
  evolve,
};

/** Written by open-fitness.ts alone. */
function dataOf<Data>(command: Entry): Data {
  return command.data as unknown as Data;
}

function noted(book: FitnessBook, look: FitnessLook, { now, commandId }: DecisionContext): Decision {
  const facts: Fact[] = [];
  // Facts take the first ordinals; ids of what they open lie behind them.
  const newId = (): string => deriveId(commandId, 100_000 + facts.length);
  const present = new Set(look.symptoms.map(symptomKey));
  for (const [key, open] of Object.entries(book.incidents)) {
    if (present.has(key) || look.blind.includes(open.symptom)) continue;
    const timeToResolveMs = Math.max(0, now - open.since);
    facts.push({ type: incidentClosed, data: { ...open, closedAt: now, timeToResolveMs } });
  }
  for (const { processIds, ...symptom } of look.symptoms) {
    if (book.incidents[symptomKey(symptom)] !== undefined) continue;
    facts.push({
      type: incidentOpened,
      data: {
        incidentId: newId(),
        ...symptom,
        processIds: [...processIds],
        detectedAt: now,
        timeToDetectMs: Math.max(0, now - symptom.since),
        runbook: runbookOf(symptom.symptom),
      },
    });
  }
  let { week: last } = book;
  for (const { week, values } of [...look.weeks].sort((a, b) => (a.week < b.week ? -1 : 1))) {
    if (week <= last) continue;
    last = week;
    facts.push({ type: weekNoted, data: { week, values: values.map((value) => ({ ...value })) } });
  }
  for (const { name, value, limit, decision, evidence, week } of look.overLimit) {
    const known = book.reviews[name];
    if (known !== undefined && (known.isOpen || known.week >= week)) continue;
    facts.push({
      type: reviewOpened,
      data: { reviewId: newId(), figure: name, value, limit, decision, evidence, week, openedAt: now },
    });
  }
  return { facts };
}

function closed(book: FitnessBook, { reviewId, by, why }: CloseReview): Decision | Refusal {
  const found = Object.entries(book.reviews).find(([, one]) => one.reviewId === reviewId && one.isOpen);
  if (found === undefined)
    return { refused: true, code: "review-not-open", reason: "There is no such open review item." };
  return { facts: [{ type: reviewClosed, data: { reviewId, figure: found[0], by, why } }] };
}

/** Nothing follows from it here: whoever looks next finds it. */
function said({ figure, value, by, why }: SayFigure): Decision {
  return { facts: [{ type: figureSaid, data: { figure, value, by, why } }] };
}

function evolve(book: FitnessBook, { type, data }: Pick<Fact, "type" | "data">): FitnessBook {
  switch (type) {
    case incidentOpened: {
      const { incidentId, symptom, subject, since, detectedAt } = data as unknown as OpenIncident;
      const open = { incidentId, symptom, subject, since, detectedAt };
      return { ...book, incidents: { ...book.incidents, [symptomKey(open)]: open } };
    }
    case incidentClosed: {
      const gone = symptomKey(data as unknown as OpenIncident);
      const left = Object.entries(book.incidents).filter(([key]) => key !== gone);
      return { ...book, incidents: Object.fromEntries(left) };
    }
    case weekNoted:
      return { ...book, week: String(data.week) };
    case reviewOpened: {
      const review = { reviewId: String(data.reviewId), week: String(data.week), isOpen: true };
      return { ...book, reviews: { ...book.reviews, [String(data.figure)]: review } };
    }
    case reviewClosed: {
      const figure = String(data.figure);
      const known = book.reviews[figure];
      if (known === undefined) return book;
      return { ...book, reviews: { ...book.reviews, [figure]: { ...known, isOpen: false } } };
    }
    default:
      return book;
  }
}
