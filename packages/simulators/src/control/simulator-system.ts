import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import type { BehaviourOf } from "./behaviour.ts";
import type { ReceivedCall } from "./received-call.ts";
import type { Subject } from "./rule-book.ts";

/** A whole answer. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * The system's own words for what behaviours say. Null means: the route's handler says it itself
 * (it reads `request.call.under("rejection")`), because the answer depends on the request or leaves a trace in the state.
 */
export interface SystemAnswers {
  rejection(behaviour: BehaviourOf<"rejection">, request: FastifyRequest): Answer | null;
  unauthorized(request: FastifyRequest): Answer;
  throttled(retryAfterSeconds: number | null, request: FastifyRequest): Answer;
  /** `status` 500..599; null: the system's usual one. */
  serverError(status: number | null, request: FastifyRequest): Answer;
  /** The whole system is away. */
  unavailable(request: FastifyRequest): Answer;
  /** The answer with an unknown status in it; `status` null: the system chooses one. */
  unknownStatus(status: string | null, answer: Answer, request: FastifyRequest): Answer;
  /** The answer made unreadable; `malformedJson` does it for JSON. */
  malformed(variant: BehaviourOf<"malformed">["variant"], answer: Answer, request: FastifyRequest): Answer;
}

/** The living part of a simulated system. */
export interface SimulatorSystem {
  readonly answers: SystemAnswers;
  /**
   * What a request asks for and under which keys. Called twice: when it arrives, with `request.body` still undefined, for the
   * log of what gets no further; and when its body has been read.
   */
  identify(request: FastifyRequest): Subject;
  /** Its routes, at the root of the origin. Parsers and error handlers it registers stay its own. */
  readonly routes: readonly FastifyPluginAsync[];
  /** What only this system can be told, as routes under `/_control/<name>`: what its customers or operators would do. */
  readonly controls?: FastifyPluginAsync;
  /** Forget everything. The control part has been reset before. */
  reset(): void;
  /** Ends what it has open to others. */
  stop?(): Promise<void>;
}

declare module "fastify" {
  interface FastifyRequest {
    /** The request under simulation; not set on control routes. */
    call: ReceivedCall;
  }
}
