import type { ProcessTimeline, TimelineStep } from "@entente/core";
import type { ProcessView } from "@entente/core/model";
import type { FastifyPluginAsync } from "fastify";
import { Type } from "typebox";
import { identityOf } from "./auth.ts";
import type { EdgeContext } from "./edge-context.ts";
import { isoTime, ProcessSchema, processAnswer } from "./process-answer.ts";
import { ProcessParams, processUnknown } from "./processes.ts";
import { shown, text, textOrNone, time, timeOf, timeOrNone, uuid } from "./treaty-lists.ts";

const payload = Type.Object({}, { additionalProperties: true });

const StepShown = Type.Object({
  entryId: uuid,
  causedBy: Type.Union([uuid, Type.Null()], {
    description: "The entry that caused it. It may lie outside the process.",
  }),
  depth: Type.Integer({ description: "How many causes stand above it." }),
  processId: Type.String({
    format: "uuid",
    description: "The process it is part of: this one, the one this is about, or one that led into it.",
  }),
  context: text,
  kind: text,
  type: text,
  key: text,
  at: time,
  afterMs: Type.Integer({ description: "Since the earliest step, business time." }),
  actor: Type.Object(
    {
      kind: Type.Enum(["customer", "context", "counterparty", "operator"]),
      name: textOrNone,
      treaty: Type.Optional(text),
      why: Type.Optional(text),
    },
    { description: "Who did it; of an operator also why." },
  ),
  data: Type.Object(
    {},
    {
      additionalProperties: true,
      description: "As the journal has it. Hashes stand for idempotency keys; of a batch only own rows.",
    },
  ),
  customer: Type.Union([payload, Type.Null()], {
    description: "What the customer sees from here on; null where that did not change.",
  }),
});

const AttemptShown = Type.Object({
  attempt: Type.Integer(),
  ordered: Type.Union([Type.Object({ by: text, why: text }), Type.Null()], {
    description: "The person whose decision made this attempt.",
  }),
  request: Type.Union([payload, Type.Null()]),
  changes: Type.Union(
    [
      Type.Array(
        Type.Object({
          pointer: text,
          before: Type.Optional(Type.Unknown()),
          after: Type.Optional(Type.Unknown()),
        }),
      ),
      Type.Null(),
    ],
    {
      description:
        "Where the request differs from the one before; null for the first, and when one is not kept.",
    },
  ),
  outcomes: Type.Array(
    Type.Object({
      entryId: uuid,
      at: time,
      state: text,
      by: textOrNone,
      class: textOrNone,
      code: textOrNone,
      label: textOrNone,
      means: textOrNone,
    }),
  ),
});

const HandOffShown = Type.Object({
  handOffId: uuid,
  context: text,
  treaty: text,
  target: text,
  state: text,
  externalReference: textOrNone,
  trouble: Type.Union(
    [Type.Object({ class: textOrNone, code: textOrNone, text: textOrNone, means: textOrNone }), Type.Null()],
    { description: "The last trouble with it, and what the treaty says the code means." },
  ),
});

const CaseShown = Type.Object({
  context: text,
  caseId: uuid,
  handOffId: textOrNone,
  treaty: text,
  target: text,
  kind: text,
  code: textOrNone,
  says: text,
  owner: text,
  openedAt: time,
  claimedBy: textOrNone,
  closedBy: textOrNone,
  closedAt: timeOrNone,
  closedWhy: textOrNone,
});

const names = Type.Array(text);

const TimelineShown = Type.Object(
  {
    processId: uuid,
    process: Type.Union([ProcessSchema, Type.Null()]),
    about: Type.Union([ProcessSchema, Type.Null()], {
      description:
        "The process that this one is about, such as the top-up that it undid, as it stands; null for one that is about no other. Its steps are among the steps.",
    }),
    steps: Type.Array(StepShown),
    attempts: Type.Array(
      Type.Object({
        entryId: uuid,
        context: text,
        what: text,
        counterparty: textOrNone,
        attempts: Type.Array(AttemptShown),
      }),
    ),
    handOffs: Type.Array(HandOffShown),
    cases: Type.Array(CaseShown),
    tookPart: Type.Object({ contexts: names, counterparties: names, people: names }),
    away: Type.Array(text, {
      description: "Contexts whose database does not answer: their part is missing.",
    }),
    more: Type.Boolean({ description: "There are more entries than `limit`; the earliest are here." }),
  },
  { description: "The story by cause: each entry under the one that caused it." },
);

/** `GET /ops/processes/{id}/timeline`: what every context, counterparty and person did about a process, and why. */
export function timelineRoute({ system, textOf }: EdgeContext): FastifyPluginAsync {
  return async (app) => {
    app.route<{ Params: { id: string }; Querystring: { limit?: number } }>({
      method: "GET",
      url: "/ops/processes/:id/timeline",
      config: { access: { roles: ["operator", "auditor"] }, problems: ["process-unknown"] },
      schema: {
        operationId: "readTimeline",
        summary: "The whole story of a process, by the id of the process or of one of its entries",
        tags: ["operations"],
        params: ProcessParams,
        querystring: Type.Object(
          { limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 500 })) },
          { additionalProperties: false },
        ),
        response: { 200: TimelineShown },
      },
      handler: async (request, reply) => {
        const { tenant } = identityOf(request);
        const timeline = await system.timelines.read(tenant, request.params.id, request.query.limit ?? 500);
        if (timeline === null) throw processUnknown();
        reply.header("cache-control", "no-store");
        return timelineAnswer(timeline, textOf);
      },
    });
  };
}

function timelineAnswer(timeline: ProcessTimeline, textOf: EdgeContext["textOf"]): object {
  const { process, about, steps, attempts, cases } = timeline;
  const viewAt = ({ processId, customer, at }: TimelineStep): object | null => {
    const seen = about?.processId === processId ? about : process;
    return seen === null || customer === null ? null : viewAnswer(seen, customer, at, textOf);
  };
  return {
    ...timeline,
    process: process === null ? null : processAnswer(process, textOf),
    about: about === null ? null : processAnswer(about, textOf),
    steps: steps.map((step) => ({ ...step, at: isoTime(step.at), customer: viewAt(step) })),
    attempts: attempts.map((tried) => ({
      ...tried,
      attempts: tried.attempts.map((one) => ({
        ...one,
        outcomes: one.outcomes.map((outcome) => ({ ...outcome, at: isoTime(outcome.at) })),
      })),
    })),
    cases: cases.map((one) =>
      shown(CaseShown, { ...one, openedAt: isoTime(one.openedAt), closedAt: timeOf(one.closedAt) }),
    ),
  };
}

/** The process as its customer read it from that moment on. */
function viewAnswer(
  process: NonNullable<ProcessTimeline["process"]>,
  view: ProcessView,
  at: number,
  textOf: EdgeContext["textOf"],
): object {
  const {
    processId: _id,
    type: _type,
    acceptedAt: _accepted,
    ...seen
    // What was so then stays so: how old it is now is said of the process and not of its past.
  } = processAnswer(
    { ...process, ...view, delayed: false, freshUntil: null, stale: false, updatedAt: at },
    textOf,
  );
  return seen;
}
