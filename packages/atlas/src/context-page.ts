import type { ContextDefinition, PublishedMessage } from "@entente/core";
import { type Block, commas, heading, json, list, type Page, table, text } from "./page.ts";
import { sheetPath } from "./treaty-pages.ts";
import { duration } from "./words.ts";

/** What a context publishes, decides, shows and asks of others. */
export function contextPage(definition: ContextDefinition, messages: readonly PublishedMessage[]): Page {
  const { name, deciders = [], projections = [], treaties = [], intake } = definition;
  const commands = messages.filter(({ kind }) => kind === "command");
  const facts = messages.filter(({ kind }) => kind === "event");
  const work = [
    ...deciders.map(({ decider, commandsFrom }) => {
      const from = commandsFrom.length === 0 ? "" : ` that come from ${commandsFrom.join(", ")}`;
      return `\`${decider.name}\` decides ${Object.keys(decider.commands).length} commands${from}.`;
    }),
    ...projections.map(
      (projection) => `\`${projection.name}\` is a read model of ${projection.facts.length} facts.`,
    ),
    ...(intake?.processes ?? []).map(
      (process) =>
        `\`${process.type}\` is a process that customers see, started by \`${process.startedBy}\`.`,
    ),
  ];
  const links = treaties.map((treaty) => ({ text: treaty.name, to: sheetPath(treaty.name) }));
  return {
    path: `contexts/${name}`,
    title: name,
    says: `One authority with one journal: ${commands.length} commands and ${facts.length} facts are published here.`,
    group: "Contexts",
    blocks: [
      ...(work.length === 0 ? [] : [heading("At work"), list(work)]),
      ...(links.length === 0 ? [] : [heading("Treaties"), text(commas(links))]),
      ...(messages.length === 0
        ? []
        : [
            heading("Messages"),
            table(
              `Messages of ${name}`,
              ["Type", "Kind", "Version", "Parking"],
              [...commands, ...facts].map(({ type, kind, schemaVersion }) => [
                `\`${type}\``,
                kind === "event" ? "fact" : kind,
                schemaVersion,
                deciders.find(({ decider }) => Object.hasOwn(decider.commands, type))?.decider.commands[type]
                  ?.parking ?? "–",
              ]),
            ),
            ...[...commands, ...facts].flatMap(messageBlocks),
          ]),
    ],
  };
}

function messageBlocks({ type, schemaVersion, ttlMs, schema, example }: PublishedMessage): Block[] {
  return [
    heading(type),
    ...(typeof ttlMs === "number"
      ? [text(`An observation: news for ${duration(ttlMs)}, stale after it.`)]
      : []),
    json(`Schema of ${type} ${schemaVersion}`, schema),
    ...(example === undefined ? [] : [text("For example:"), json(`Example of ${type}`, example)]),
  ];
}
