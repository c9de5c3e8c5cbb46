/**
 * How a top-up runs. A: recorded at Salesforce, carried out when its feed tells of it, confirmed when SAP has posted and Salesforce knows.
 * B: decided by the subscription; Salesforce and SAP follow. docs/decisions/0015-three-stages-of-flux.md.
 * A-to-B: the crossing. What was begun in A ends in A, what is new is B's: docs/decisions/0025-from-stage-a-to-stage-b.md.
 */
export const stages = ["A", "A-to-B", "B"] as const;
export type Stage = (typeof stages)[number];

export function isStage(text: string): text is Stage {
  return stages.some((stage) => stage === text);
}

/** Whether top-ups of stage A can be under way: with it come the request context and its treaties. */
export function hasStageA(stage: Stage): boolean {
  return stage !== "B";
}
