/**
 * How a top-up runs. A: recorded at Salesforce, carried out when its feed tells of it, confirmed when SAP has posted and Salesforce knows.
 * B: decided by the subscription; Salesforce and SAP follow. docs/decisions/0015-three-stages-of-flux.md.
 */
export const stages = ["A", "B"] as const;
export type Stage = (typeof stages)[number];

export function isStage(text: string): text is Stage {
  return stages.some((stage) => stage === text);
}
