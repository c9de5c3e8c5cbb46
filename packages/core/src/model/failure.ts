/**
 * Failures are thrown; expected refusals are values (see decider.ts).
 * The kind of a failure tells the caller what to do, never its message text.
 */

export type FailureKind =
  /** A rule said no: show the reason. */
  | "refused"
  /** The state moved on: read again, decide again. */
  | "conflict"
  /** It did not happen: retry later, bounded. */
  | "unavailable"
  /** It may have happened: never retry blindly, reconcile. */
  | "unknown-outcome"
  /** A bug on our side: stop this unit of work, page someone. */
  | "defect";

export type FailureFields = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

/**
 * Base of every failure Entente throws.
 * `code` is stable and listed in docs/reference/errors.md; `fields` are safe to show and to log.
 */
export class Failure extends Error {
  readonly code: string;
  readonly kind: FailureKind;
  readonly fields: FailureFields;

  constructor(
    kind: FailureKind,
    code: string,
    message: string,
    options: { readonly fields?: FailureFields; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Failure";
    this.kind = kind;
    this.code = code;
    this.fields = options.fields ?? {};
  }
}

/** True when the value is a Failure, optionally of one code. */
export function isFailure(value: unknown, code?: string): value is Failure {
  return value instanceof Failure && (code === undefined || value.code === code);
}
