import type { Json } from "../model/entry.ts";
import { validator } from "./compare-schemas.ts";
import { type ContractFinding, inOrder } from "./contract-finding.ts";
import { type JsonSchema, schemaText } from "./json-schema.ts";
import { compatibilityOf, type PublishedMessage, type SystemContract } from "./published-message.ts";
import { promises, schemaFindings } from "./schema-findings.ts";
import { type ContractSnapshot, compareVersions, type SnapshotMessage } from "./snapshot.ts";
import { treatyFindings } from "./treaty-terms.ts";
import { writerView } from "./writer-view.ts";

/**
 * Compares what a system promises now with what it promised before.
 * Guarantees: no `breaking` and no `undecided` finding means that every reader named by the messages' compatibility accepts
 * every document of every kept version. An empty list: nothing changed. Pure.
 */
export function checkContract(contract: SystemContract, snapshot: ContractSnapshot): ContractFinding[] {
  const current = new Map(
    contract.contexts.flatMap(({ name, messages }) =>
      messages.map((message) => [message.type, { context: name, message }] as const),
    ),
  );
  const removed = Object.keys(snapshot.messages).filter((type) => !current.has(type));
  return inOrder([
    ...[...current.values()].flatMap(({ context, message }) =>
      messageFindings(context, message, snapshot.messages[message.type]),
    ),
    ...removed.map((type): ContractFinding => {
      const says = "the message is no longer published; whoever sends or reads it is left alone";
      return { rule: "message-removed", severity: "breaking", subject: type, says };
    }),
    ...treatyFindings(contract.treaties ?? [], snapshot.treaties),
  ]);
}

function messageFindings(
  context: string,
  message: PublishedMessage,
  before: SnapshotMessage | undefined,
): ContractFinding[] {
  const subject = message.type;
  const example = exampleFindings(message);
  if (before === undefined) {
    const says = `new in ${context}, version ${message.schemaVersion}`;
    return [{ rule: "message-added", severity: "compatible", subject, says }, ...example];
  }
  return [
    ...example,
    ...namingFindings(context, message, before),
    ...versionFindings(message, before),
    ...Object.entries(before.versions).flatMap(([version, schema]) =>
      schemaFindings(subject, version, schema as JsonSchema, message.schema, compatibilityOf(message)),
    ),
  ];
}

/** The proof takes a writer at its schema's word; an example that it would not write shows that the word is not meant. */
function exampleFindings(message: PublishedMessage): ContractFinding[] {
  if (message.example === undefined) return [];
  if (validator(writerView(message.schema))(message.example as Json) !== false) return [];
  const says =
    "the example has members that the schema does not name, so the schema does not say what is written";
  return [{ rule: "example-not-written", severity: "undecided", subject: message.type, says }];
}

function namingFindings(
  context: string,
  message: PublishedMessage,
  before: SnapshotMessage,
): ContractFinding[] {
  const subject = message.type;
  const findings: ContractFinding[] = [];
  if (message.kind !== before.kind) {
    const says = `it was a ${before.kind} and is a ${message.kind}; what a type is, it is for ever`;
    findings.push({ rule: "kind-changed", severity: "breaking", subject, says });
  }
  if (context !== before.context) {
    const says = `published by ${context} instead of ${before.context}`;
    findings.push({ rule: "context-changed", severity: "compatible", subject, says });
  }
  const compatibility = compatibilityOf(message);
  if (compatibility !== before.compatibility) {
    const lowered = !promises(compatibility, before.compatibility);
    findings.push({
      rule: lowered ? "compatibility-lowered" : "compatibility-raised",
      severity: lowered ? "breaking" : "compatible",
      subject,
      says: `it promised ${before.compatibility} compatibility and promises ${compatibility}`,
    });
  }
  return findings;
}

function versionFindings(message: PublishedMessage, before: SnapshotMessage): ContractFinding[] {
  const { type: subject, schemaVersion } = message;
  const order = compareVersions(schemaVersion, before.schemaVersion);
  const changed =
    schemaText(message.schema) !== schemaText(before.versions[before.schemaVersion] as JsonSchema);
  const version = before.schemaVersion;
  if (order < 0) {
    const says = `version ${schemaVersion} comes after ${version}`;
    return [{ rule: "schema-version-lowered", severity: "breaking", subject, version, says }];
  }
  if (order === 0 && !changed) return [];
  if (order === 0) {
    const says = `the schema is another one, the version is still ${version}: nobody could tell entries of the two apart`;
    return [{ rule: "schema-version-same", severity: "breaking", subject, version, says }];
  }
  const says = `version ${schemaVersion} follows ${version}`;
  return [{ rule: "schema-changed", severity: "compatible", subject, version, says }];
}
