/**
 * What a treaty says in words, beside what it does. Every entry is a sentence or two that a person at three in the morning can act on.
 * Source: requirements OMS-06, OMS-08, OMS-23, OMS-109.
 */

/** Entries of the contract sheet that code cannot say. The others are read from the treaty itself: contractSheet. */
export interface SheetText {
  readonly purpose: string;
  /** Who owns the request, and who the answer. */
  readonly owner: string;
  /** Whose word decides about the effect. */
  readonly authority: string;
  readonly direction: string;
  readonly protocol: string;
  readonly trigger: string;
  readonly correlationId: string;
  readonly tenantPropagation: string;
  readonly stateImpact: string;
  readonly auditEvidence: string;
  readonly replayBehaviour: string;
  readonly reconciliationPath: string;
  readonly securityControl: string;
  readonly dashboard: string;
}

export const sheetTextEntries: readonly (keyof SheetText)[] = [
  "purpose",
  "owner",
  "authority",
  "direction",
  "protocol",
  "trigger",
  "correlationId",
  "tenantPropagation",
  "stateImpact",
  "auditEvidence",
  "replayBehaviour",
  "reconciliationPath",
  "securityControl",
  "dashboard",
];

/** The 21 entries of a runbook. Without it a treaty does not start. */
export interface Runbook {
  readonly integrationName: string;
  readonly businessOwner: string;
  readonly technicalOwner: string;
  readonly targetSystemOwner: string;
  readonly dataClassification: string;
  readonly protocol: string;
  readonly normalFlow: string;
  readonly knownExternalStatuses: string;
  readonly retryPolicy: string;
  readonly timeoutPolicy: string;
  readonly reconciliationJob: string;
  readonly dashboardLink: string;
  readonly alertThresholds: string;
  readonly deadLetterHandling: string;
  readonly manualRecoveryActions: string;
  readonly securityCredentials: string;
  readonly secretRotation: string;
  readonly commonIncidents: string;
  readonly disableSwitch: string;
  readonly escalationContacts: string;
  readonly auditEvidenceLocation: string;
}

export const runbookEntries: readonly (keyof Runbook)[] = [
  "integrationName",
  "businessOwner",
  "technicalOwner",
  "targetSystemOwner",
  "dataClassification",
  "protocol",
  "normalFlow",
  "knownExternalStatuses",
  "retryPolicy",
  "timeoutPolicy",
  "reconciliationJob",
  "dashboardLink",
  "alertThresholds",
  "deadLetterHandling",
  "manualRecoveryActions",
  "securityCredentials",
  "secretRotation",
  "commonIncidents",
  "disableSwitch",
  "escalationContacts",
  "auditEvidenceLocation",
];

/** The eleven questions every treaty answers. */
export interface TreatyAnswers {
  readonly whoOwnsTheFact: string;
  readonly whoMayAsk: string;
  readonly whatIsTheContract: string;
  readonly whatDoesSuccessMean: string;
  readonly whatDoesRejectionMean: string;
  readonly whatDoesTimeoutMean: string;
  readonly whatIsSafeToRetry: string;
  readonly howAreDuplicatesFound: string;
  readonly howIsDisagreementSettled: string;
  readonly whatIsAudited: string;
  readonly whoMayRepair: string;
}

export const treatyQuestions: readonly (keyof TreatyAnswers)[] = [
  "whoOwnsTheFact",
  "whoMayAsk",
  "whatIsTheContract",
  "whatDoesSuccessMean",
  "whatDoesRejectionMean",
  "whatDoesTimeoutMean",
  "whatIsSafeToRetry",
  "howAreDuplicatesFound",
  "howIsDisagreementSettled",
  "whatIsAudited",
  "whoMayRepair",
];

/** Six questions that decide between asking at once and handing off. */
export interface TreatyStyle {
  readonly userWaitsForTheAnswer: boolean;
  readonly runsLong: boolean;
  readonly counterpartyMayBeAway: boolean;
  readonly hasAnEffect: boolean;
  readonly staleAnswerWillDo: boolean;
  readonly flowNeedsTheResult: boolean;
}

export const styleQuestions: readonly (keyof TreatyStyle)[] = [
  "userWaitsForTheAnswer",
  "runsLong",
  "counterpartyMayBeAway",
  "hasAnEffect",
  "staleAnswerWillDo",
  "flowNeedsTheResult",
];
