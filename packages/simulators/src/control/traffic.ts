import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Behaviour } from "./behaviour.ts";
import type { Control } from "./control.ts";
import { withoutSecrets } from "./logs.ts";
import { type CallUnderWay, namesOf, openCall } from "./received-call.ts";
import { readRule } from "./rule.ts";
import { canHappen } from "./rule-book.ts";
import type { Answer, SimulatorSystem } from "./simulator-system.ts";

const holdMsDefault = 60_000;

/**
 * Lets every request of the system pass through the control part. Register it before the system's routes.
 *
 * A request meets, from the outside in: the outage; then, when its body has been read, the choice of a behaviour and what
 * keeps it from the system (unauthorized, throttled, no answer without effect); the system's own hooks; right before its
 * handler what happens inside the system (slow, rejection, server error without effect). Its answer meets, from the inside
 * out: what the system says wrongly (server error after the effect, unknown status); the system's own `onSend` hooks; what
 * the wire makes of it (malformed, late or no answer after the effect). So a system that remembers answers, by hooks of its own,
 * remembers what it said and not what the wire made of it.
 */
export function simulateTraffic(app: FastifyInstance, control: Control, system: SimulatorSystem): void {
  const { connections, logs } = control;
  const { answers } = system;
  app.decorateRequest("call", null as never);

  app.addHook("onRequest", async (request, reply) => {
    if (isControl(request)) return;
    const call = arrived(request, reply);
    // Once here, so that what is refused before its body is read has its name in the log; once more when it has been read.
    identify(request, call);
    const outage = control.outage();
    if (outage === "none") return;
    call.row.behaviour = "outage";
    call.answeredByRule = true;
    if (outage === "unavailable") return send(reply, answers.unavailable(request));
    call.row.status = "none";
    reply.hijack();
    if (outage === "refuse") connections.reset(request);
    else await connections.hold(request, null);
  });

  app.addHook("preHandler", async (request, reply) => {
    if (isControl(request)) return;
    const call = callOf(request);
    identify(request, call);
    const problem = choose(request, call);
    if (problem !== null) return say(reply, call, problem);
    const { behaviour } = call;
    call.row.behaviour = behaviour?.behaviour ?? null;
    switch (behaviour?.behaviour) {
      case "unauthorized":
        return say(reply, call, answers.unauthorized(request));
      case "throttled":
        return say(reply, call, answers.throttled(behaviour.retryAfterSeconds ?? null, request));
      case "timeout":
      case "drop":
        if (behaviour.effect) return;
        call.row.status = "none";
        reply.hijack();
        return goSilent(request, behaviour);
    }
  });

  async function insideBefore(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const call = callOf(request);
    const { behaviour } = call;
    call.reachedHandler = true;
    switch (behaviour?.behaviour) {
      case "slow":
        if (behaviour.effectFirst === true) return;
        if (await connections.pause(request, behaviour.delayMs)) return;
        return reply.hijack();
      case "rejection": {
        const answer = answers.rejection(behaviour, request);
        return answer === null ? undefined : say(reply, call, answer);
      }
      case "server-error":
        if (behaviour.effect) return;
        return say(reply, call, answers.serverError(behaviour.status ?? null, request));
    }
  }

  app.addHook("onSend", async (request, reply, payload) => {
    if (isControl(request)) return payload;
    const call = callOf(request);
    const said = saidWrongly(request, call, readAnswer(reply, payload));
    if (said !== null) return replace(reply, call, said);
    call.row.status = sentStatus(request, reply);
    return payload;
  });

  function saidWrongly(request: FastifyRequest, call: CallUnderWay, answer: Answer | null): Answer | null {
    const { behaviour } = call;
    if (call.answeredByRule || answer === null) return null;
    if (behaviour?.behaviour === "server-error" && behaviour.effect) {
      return answers.serverError(behaviour.status ?? null, request);
    }
    if (behaviour?.behaviour !== "unknown-status") return null;
    return answers.unknownStatus(behaviour.status ?? null, answer, request);
  }

  async function onTheWire(request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<unknown> {
    const call = callOf(request);
    const { behaviour } = call;
    call.row.status = sentStatus(request, reply);
    if (call.answeredByRule) return payload;
    const answer = readAnswer(reply, payload);
    if (behaviour?.behaviour === "malformed" && answer !== null) {
      return replace(reply, call, answers.malformed(behaviour.variant, answer, request));
    }
    if (behaviour?.behaviour === "slow" && behaviour.effectFirst === true && call.reachedHandler) {
      call.row.status = null;
      // Released: its connection is closed, and what is written to it goes nowhere.
      await connections.pause(request, behaviour.delayMs);
      call.row.status = sentStatus(request, reply);
      return payload;
    }
    if (behaviour?.behaviour !== "timeout" && behaviour?.behaviour !== "drop") return payload;
    call.row.status = "none";
    // Taken out of Fastify's hands for good: when the connection ends, an answer that a hook gave would else count as not
    // given, and the handler would run after it.
    reply.hijack();
    await goSilent(request, behaviour);
    return new Promise(() => {});
  }

  // Hooks of a route run after those of its surroundings: before the handler they stand innermost, after it outermost.
  app.addHook("onRoute", (route) => {
    if (isControl(route)) return;
    route.preHandler = [...listOf(route.preHandler), insideBefore];
    route.onSend = [...listOf(route.onSend), onTheWire];
  });

  function arrived(request: FastifyRequest, reply: FastifyReply): CallUnderWay {
    const row = logs.call({
      at: control.isoNow(),
      operation: null,
      method: request.method,
      path: withoutSecrets(request.url),
      key: null,
      behaviour: null,
      status: null,
      effect: false,
    });
    const call = openCall(control, row);
    request.call = call;
    // The caller hung up before there was an answer.
    reply.raw.once("close", () => {
      if (!reply.raw.writableFinished) row.status = "none";
    });
    return call;
  }

  function identify(request: FastifyRequest, call: CallUnderWay): void {
    call.subject = system.identify(request);
    Object.assign(call.row, { operation: call.subject.operation, ...namesOf(call.subject.keys) });
  }

  /** Chooses the behaviour: the request's own header first, then the rule book. Answers when the header makes no sense. */
  function choose(request: FastifyRequest, call: CallUnderWay): Answer | null {
    const header = request.headers["x-simulate"];
    if (header === undefined) {
      call.behaviour = control.rules.choose(call.subject);
      return null;
    }
    const read = readRule(parse(String(header)), control.system, true);
    if ("problems" in read) return headerRefused(read.problems);
    const { operation } = call.subject;
    const { behaviour } = read.rule;
    if (operation === null || !canHappen(behaviour, operation, control.system)) {
      return headerRefused([
        { pointer: "/behaviour", detail: `cannot happen to ${operation ?? "this request"}` },
      ]);
    }
    call.behaviour = behaviour;
    return null;
  }

  async function goSilent(
    request: FastifyRequest,
    behaviour: Extract<Behaviour, { behaviour: "timeout" | "drop" }>,
  ): Promise<void> {
    if (behaviour.behaviour === "drop") connections.reset(request);
    else await connections.hold(request, behaviour.holdMs ?? holdMsDefault);
  }
}

/** The control interface is reachable whatever is simulated, and is not part of what is logged. */
function isControl({ url }: { readonly url: string }): boolean {
  return /^\/_control(?:[/?]|$)/.test(url);
}

function callOf(request: FastifyRequest): CallUnderWay {
  return request.call as CallUnderWay;
}

function headerRefused(problems: readonly object[]): Answer {
  return {
    status: 422,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ error: "x-simulate-invalid", problems }),
  };
}

function say(reply: FastifyReply, call: CallUnderWay, answer: Answer): FastifyReply {
  call.answeredByRule = true;
  return send(reply, answer);
}

function send(reply: FastifyReply, { status, headers, body }: Answer): FastifyReply {
  return reply.code(status).headers(headers).send(body);
}

/** What a caller that is still there will see. */
function sentStatus(request: FastifyRequest, reply: FastifyReply): number | "none" {
  return request.raw.socket.destroyed ? "none" : reply.statusCode;
}

function replace(reply: FastifyReply, call: CallUnderWay, { status, headers, body }: Answer): string {
  reply.code(status).headers(headers);
  call.row.status = status;
  return body;
}

/** The answer as it stands, cookies apart; null for streams, which pass as they are. */
function readAnswer(reply: FastifyReply, payload: unknown): Answer | null {
  const body = Buffer.isBuffer(payload) ? payload.toString("utf8") : (payload ?? "");
  if (typeof body !== "string") return null;
  const headers = Object.entries(reply.getHeaders()).flatMap(([name, value]) =>
    name === "content-length" || name === "set-cookie" || value === undefined ? [] : [[name, String(value)]],
  );
  return { status: reply.statusCode, headers: Object.fromEntries(headers), body };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function listOf<Hook>(hooks: Hook | Hook[] | undefined): Hook[] {
  return hooks === undefined ? [] : Array.isArray(hooks) ? hooks : [hooks];
}
