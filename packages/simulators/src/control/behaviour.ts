import { type Static, type TProperties, Type } from "typebox";

/** What a simulated system can be told to do instead of its duty, with the options of each (milliseconds by the simulator's clock). */

const ms = Type.Integer({ minimum: 0, maximum: 10 * 365 * 86_400_000 });
const errorStatus = Type.Optional(Type.Integer({ minimum: 500, maximum: 599 }));

function behaviour<Name extends string, Options extends TProperties>(name: Name, options: Options) {
  return Type.Object({ behaviour: Type.Literal(name), ...options }, { additionalProperties: false });
}

/** Schema of each behaviour by its name. */
export const behaviours = {
  /** Its duty. Useful before a rule that is wider. */
  success: behaviour("success", {}),
  /** A business refusal; reasons are those of the system. */
  rejection: behaviour("rejection", { reason: Type.String() }),
  /** No answer. The connection is held for `holdMs` (default one minute), then closed. */
  timeout: behaviour("timeout", { effect: Type.Boolean(), holdMs: Type.Optional(ms) }),
  /** The connection is reset before or after the effect. */
  drop: behaviour("drop", { effect: Type.Boolean() }),
  /**
   * The effect happens after the delay, and then the answer comes. With `effectFirst` the effect and its callbacks come at
   * once and only the answer is late: a callback overtakes it.
   */
  slow: behaviour("slow", { delayMs: ms, effectFirst: Type.Optional(Type.Boolean()) }),
  "delayed-callback": behaviour("delayed-callback", { delayMs: ms }),
  /** Each callback arrives `count` times in all (default 2). */
  "duplicate-callback": behaviour("duplicate-callback", {
    count: Type.Optional(Type.Integer({ minimum: 2, maximum: 1_000 })),
  }),
  /**
   * The request's callbacks arrive in reverse, after the callbacks of `behind` later requests (default 1), or after `holdMs`
   * (default one minute) when those do not come.
   */
  "out-of-order-callback": behaviour("out-of-order-callback", {
    behind: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000 })),
    holdMs: Type.Optional(ms),
  }),
  "lost-callback": behaviour("lost-callback", {}),
  /** The effect happens; its answer cannot be read. */
  malformed: behaviour("malformed", {
    variant: Type.Enum(["not-json", "missing-field", "wrong-type"]),
  }),
  unauthorized: behaviour("unauthorized", {}),
  /** The answer has a status that its documentation does not know. */
  "unknown-status": behaviour("unknown-status", {
    status: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  }),
  throttled: behaviour("throttled", {
    retryAfterSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 86_400 })),
  }),
  "server-error": behaviour("server-error", { status: errorStatus, effect: Type.Boolean() }),
} as const;

export type BehaviourName = keyof typeof behaviours;
export type Behaviour = { [Name in BehaviourName]: Static<(typeof behaviours)[Name]> }[BehaviourName];
export type BehaviourOf<Name extends BehaviourName> = Extract<Behaviour, { behaviour: Name }>;

export const behaviourNames = Object.keys(behaviours) as readonly BehaviourName[];

export function isBehaviourName(name: unknown): name is BehaviourName {
  return typeof name === "string" && Object.hasOwn(behaviours, name);
}

/** Behaviours that say what becomes of callbacks; the answer itself is as usual. */
export function isAboutCallbacks(name: BehaviourName): boolean {
  return name.endsWith("-callback");
}
