import {
  isHandOffTreaty,
  type PublishedMessage,
  type SystemContract,
  type SystemDefinition,
} from "@entente/core";

type Json = Readonly<Record<string, unknown>>;

const text = { type: "string" } as const;

/** Attributes of the CloudEvent that every entry of a journal is. */
const entryHeaders: Json = {
  type: "object",
  required: [
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "schemaversion",
    "tenantid",
    "processid",
    "ttlms",
  ],
  properties: {
    specversion: { const: "1.0" },
    id: { ...text, description: "UUIDv7. The same entry has the same id wherever it is read." },
    source: { ...text, description: "/system/context that wrote it." },
    type: text,
    subject: { ...text, description: "Ordering key: entries of one (tenant, key) are in order." },
    time: { ...text, format: "date-time", description: "Business time." },
    kind: { ...text, enum: ["command", "event"] },
    schemaversion: { ...text, description: "Semantic version of the payload's schema." },
    tenantid: text,
    processid: text,
    correlationid: text,
    causationid: { ...text, description: "The entry that caused this one." },
    customerid: { ...text, description: "Whose account it is about, where its writer knows." },
    ttlms: {
      ...text,
      description: "Milliseconds from `time` for which it may be taken for news, or `never` stale.",
    },
    stale: { type: "boolean", description: "True when it is told past that." },
  },
};

/**
 * AsyncAPI 3.1: every command and fact of every context, and the callbacks of every treaty. Commands are received by the
 * context that decides them, facts are sent by the context that publishes them.
 */
export function asyncApi(definition: SystemDefinition, contract: SystemContract, info: Json): Json {
  const channels: Record<string, Json> = {};
  const operations: Record<string, Json> = {};
  const messages: Record<string, Json> = {};
  const add = (
    channel: string,
    content: Json,
    action: "send" | "receive",
    own: Record<string, Json>,
  ): void => {
    const names = Object.keys(own);
    if (names.length === 0) return;
    Object.assign(messages, own);
    channels[channel] = {
      ...content,
      messages: Object.fromEntries(names.map((name) => [name, { $ref: `#/components/messages/${name}` }])),
    };
    operations[`${channel}.${action}`] = {
      action,
      channel: { $ref: `#/channels/${channel}` },
      messages: names.map((name) => ({ $ref: `#/channels/${channel}/messages/${name}` })),
    };
  };
  const all = contract.contexts.flatMap((context) => context.messages);
  for (const { name, deciders = [] } of definition.contexts) {
    const published = contract.contexts.find((context) => context.name === name)?.messages ?? [];
    const decided = new Set(deciders.flatMap(({ decider }) => Object.keys(decider.commands)));
    add(
      `${name}.commands`,
      {
        address: `journal/${definition.name}/{source}/commands-to/${name}`,
        title: `Commands to ${name}`,
        description: `Commands that ${name} decides, in the journal of the context that accepted or sent them.`,
        parameters: { source: { description: "The context whose journal it is." } },
      },
      "receive",
      messagesOf(all.filter(({ kind, type }) => kind === "command" && decided.has(type))),
    );
    add(
      `${name}.facts`,
      {
        address: `/journals/${name}/events`,
        title: `Facts of ${name}`,
        description: `What happened in ${name}. Subscribers outside read them as CloudEvents over HTTP at this path.`,
      },
      "send",
      messagesOf(published.filter(({ kind }) => kind === "event")),
    );
  }
  for (const treaty of definition.contexts.flatMap(({ treaties = [] }) => treaties)) {
    const callback = isHandOffTreaty(treaty) ? treaty.callback : undefined;
    if (callback === undefined) continue;
    const message = {
      name: `${treaty.name}.callback`,
      title: `What ${treaty.target} says became of a hand-off`,
      contentType: "application/json",
      payload: callback.schema,
      tags: [{ name: "callback" }],
      "x-verification": callback.verification.scheme,
    };
    add(
      `${treaty.name}.callbacks`,
      {
        address: `/callbacks/${treaty.name}`,
        title: `Callbacks of ${treaty.target}`,
        description: `Signed (${callback.verification.scheme}); an observation about a hand-off, which the domain judges.`,
      },
      "receive",
      { [`${treaty.name}.callback`]: message },
    );
  }
  return {
    asyncapi: "3.1.0",
    info,
    defaultContentType: "application/json",
    channels,
    operations,
    components: { messages, schemas: { entry: entryHeaders } },
  };
}

function messagesOf(messages: readonly PublishedMessage[]): Record<string, Json> {
  return Object.fromEntries(
    messages.map(({ type, kind, schemaVersion, ttlMs, schema, example }) => [
      type,
      {
        name: type,
        title: `${type} ${schemaVersion}`,
        contentType: "application/json",
        headers: { $ref: "#/components/schemas/entry" },
        payload: schema,
        tags: [{ name: kind === "event" ? "fact" : "command" }],
        "x-schema-version": schemaVersion,
        ...(typeof ttlMs === "number" ? { "x-ttl-ms": ttlMs } : {}),
        ...(example === undefined ? {} : { examples: [{ name: "example", payload: example }] }),
      },
    ]),
  );
}
