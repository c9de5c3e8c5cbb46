import type { FastifyPluginAsync, FastifyReply } from "fastify";
import { type Static, Type } from "typebox";
import { Compile } from "typebox/schema";
import { behaviourNames, behaviours, isAboutCallbacks } from "./behaviour.ts";
import { type Control, outageModes } from "./control.ts";
import type { LogFilter } from "./logs.ts";
import { type RuleProblem, readRule } from "./rule.ts";
import type { RuleInBook } from "./rule-book.ts";
import type { SimulatorSystem } from "./simulator-system.ts";
import { hasCallbacks } from "./system-description.ts";

const Instant = Type.String({ maxLength: 64 });
const ClockBody = Compile(
  Type.Union([
    Type.Object({ now: Instant }, { additionalProperties: false }),
    Type.Object({ advance: Instant }, { additionalProperties: false }),
  ]),
);
const OutageBodySchema = Type.Object({ mode: Type.Enum([...outageModes]) }, { additionalProperties: false });
const OutageBody = Compile(OutageBodySchema);
const ResetBodySchema = Type.Object(
  { seed: Type.Optional(Type.Integer({ minimum: 0, maximum: 4_294_967_295 })) },
  { additionalProperties: false },
);
const ResetBody = Compile(ResetBodySchema);

/** The control interface, `/_control`: the same for every simulator. No token: simulators are for development only. */
export function controlRoutes(
  control: Control,
  { controls, reset }: Pick<SimulatorSystem, "controls" | "reset">,
): FastifyPluginAsync {
  const { clock, logs, rules, system } = control;
  return async (app) => {
    acceptJson(app);
    if (controls !== undefined) app.register(controls, { prefix: `/${system.name}` });
    app.setNotFoundHandler((_request, reply) => {
      reply.code(404).send({ error: "control-unknown" });
    });

    app.get("/", async () => ({
      system: system.name,
      title: system.title,
      seed: control.seed(),
      now: control.isoNow(),
      outage: control.outage(),
      callbacks: hasCallbacks(system),
      operations: Object.entries(system.operations).map(([name, operation]) => ({ name, ...operation })),
      behaviours: behaviourNames
        .filter((name) => hasCallbacks(system) || !isAboutCallbacks(name))
        .map((name) => ({ behaviour: name, options: optionsOf(name) })),
      rejections: Object.entries(system.rejections).map(([reason, rejection]) => ({ reason, ...rejection })),
      credentials: system.credentials,
    }));

    app.get("/behaviours", async () => ({ behaviours: rules.list().map(shown) }));
    app.post("/behaviours", async (request, reply) => {
      const read = readRule(request.body, system);
      if ("problems" in read) return refuse(reply, "rule-invalid", read.problems);
      return reply.code(201).send({ id: rules.add(read.rule).id });
    });
    app.delete("/behaviours", async (_request, reply) => {
      rules.removeAll();
      return reply.code(204).send();
    });
    app.delete<{ Params: { id: string } }>("/behaviours/:id", async (request, reply) => {
      if (rules.remove(request.params.id)) return reply.code(204).send();
      return reply.code(404).send({ error: "rule-unknown" });
    });

    app.get<{ Querystring: FilterQuery }>("/calls", async (request, reply) => {
      const filter = filterOf(request.query);
      if (filter === null) return refuse(reply, "query-invalid", afterProblem);
      return { calls: logs.calls(filter), dropped: logs.dropped() };
    });
    app.get<{ Querystring: FilterQuery }>("/effects", async (request, reply) => {
      const filter = filterOf(request.query);
      if (filter === null) return refuse(reply, "query-invalid", afterProblem);
      return { effects: logs.effects(filter) };
    });

    app.post("/clock", async (request, reply) => {
      const wanted = ClockBody.Check(request.body)
        ? wantedTime(request.body as { now?: string; advance?: string }, clock.now())
        : null;
      if (wanted === null) return refuse(reply, "clock-invalid", clockProblem);
      await clock.set(wanted);
      return { now: control.isoNow() };
    });
    app.post("/outage", async (request, reply) => {
      if (!OutageBody.Check(request.body)) return refuse(reply, "outage-invalid", outageProblem);
      const { mode } = request.body as Static<typeof OutageBodySchema>;
      control.setOutage(mode);
      return { mode };
    });
    app.post("/reset", async (request, reply) => {
      const body = request.body ?? {};
      if (!ResetBody.Check(body)) return refuse(reply, "reset-invalid", seedProblem);
      control.reset((body as Static<typeof ResetBodySchema>).seed);
      reset();
      return { seed: control.seed() };
    });
  };
}

const clockProblem = [
  { pointer: "", detail: 'must be {"now": an instant} or {"advance": a duration}, as ISO 8601 writes them' },
];
const outageProblem = [{ pointer: "/mode", detail: `must be one of ${outageModes.join(", ")}` }];
const seedProblem = [{ pointer: "/seed", detail: "must be a whole number from 0 to 4294967295" }];
const afterProblem = [{ pointer: "/after", detail: "must be a whole number" }];

interface FilterQuery {
  readonly after?: string;
  readonly operation?: string;
  readonly key?: string;
}

function filterOf({ after, operation, key }: FilterQuery): LogFilter | null {
  if (after !== undefined && !/^\d{1,15}$/.test(after)) return null;
  return { after: after === undefined ? undefined : Number(after), operation, key };
}

function optionsOf(name: (typeof behaviourNames)[number]): object {
  const { behaviour: _name, ...options } = behaviours[name].properties as Record<string, object>;
  return options;
}

/** A rule as it was given, with its id and how often it was applied. */
function shown({ id, behaviour, when, times, applied }: RuleInBook): object {
  return { id, ...behaviour, when, ...(times === null ? {} : { times }), applied };
}

function refuse(reply: FastifyReply, error: string, problems: readonly RuleProblem[]): FastifyReply {
  return reply.code(422).send({ error, problems });
}

/** In UTC, so that days and months can be advanced by, too. Null: no instant, no duration, or backwards. */
function wantedTime({ now, advance }: { now?: string; advance?: string }, present: number): number | null {
  try {
    if (now !== undefined) return Temporal.Instant.from(now).epochMilliseconds;
    const duration = Temporal.Duration.from(advance as string);
    if (duration.sign < 0) return null;
    const from = Temporal.Instant.fromEpochMilliseconds(Math.trunc(present)).toZonedDateTimeISO("UTC");
    return from.add(duration).epochMilliseconds;
  } catch {
    return null;
  }
}

/** JSON only, and an empty body is none: command line clients like to announce JSON and send nothing. */
function acceptJson(app: Parameters<FastifyPluginAsync>[0]): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "string" }, (_request, body, done) => {
    if (body === "") return done(null, undefined);
    try {
      done(null, JSON.parse(String(body)));
    } catch {
      done(Object.assign(new Error("not JSON"), { statusCode: 400 }));
    }
  });
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const status = error.statusCode ?? 500;
    reply.code(status).send({ error: status < 500 ? "body-malformed" : "defect", detail: error.message });
  });
}
