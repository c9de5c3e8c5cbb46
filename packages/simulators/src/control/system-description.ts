/** What a simulated system tells of itself: read by `GET /_control` and by the checking of rules. */
export interface SystemDescription {
  /** `payments`: the name it is started by. */
  readonly name: string;
  readonly title: string;
  /** By name. Rules and logs speak of operations by these names. */
  readonly operations: Readonly<Record<string, Operation>>;
  /** Reasons that a `rejection` can give, by name. */
  readonly rejections: Readonly<Record<string, Rejection>>;
  /** What a developer signs in with. Fixed and public: simulators hold nothing worth hiding. */
  readonly credentials: Readonly<Record<string, string>>;
}

export interface Operation {
  /** One line, e.g. `POST /v1/refunds`. */
  readonly does: string;
  /** It changes something in the simulated world: it can be refused by a `rejection`. */
  readonly effect: boolean;
  /** It is followed by callbacks: rules about callbacks apply to it. */
  readonly callback: boolean;
  /**
   * A request may carry several things that are refused one by one. No `rejection` is then chosen for the request as a whole: its
   * handler asks `rules.chooseForPart` for each of them.
   */
  readonly inParts?: boolean;
}

export interface Rejection {
  /** One line on what it means. */
  readonly means: string;
  /** Operations that can be refused with it; absent: every operation with an effect. */
  readonly operations?: readonly string[];
}

export function hasCallbacks(system: SystemDescription): boolean {
  return Object.values(system.operations).some(({ callback }) => callback);
}

/** Whether a rejection with this reason can happen to the operation. */
export function canBeRejected(system: SystemDescription, operation: string, reason: string): boolean {
  const { operations } = system.rejections[reason] ?? {};
  return operations === undefined
    ? system.operations[operation]?.effect === true
    : operations.includes(operation);
}
