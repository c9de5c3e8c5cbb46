/** What the systems of the repository publish, found in their contract folders, and what they promised, from their snapshots. */
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { PublishedMessage, SystemContract } from "../packages/core/src/contract/published-message.ts";
import { type ContractSnapshot, readSnapshot } from "../packages/core/src/contract/snapshot.ts";
import { placeOf } from "./places.ts";
import { readText, repositoryFiles, repositoryRoot } from "./tree.ts";

/** Systems with a contract folder, by name. */
export function contractedSystems(files: readonly string[] = repositoryFiles()): string[] {
  const places = files.map(placeOf).filter(({ layer, system }) => layer === "contract" && system !== null);
  return [...new Set(places.map(({ system }) => system as string))].sort();
}

/** `systems/flux/app/contract.ts` exports `fluxContract`. Null: there is none. */
export async function contractOf(system: string): Promise<SystemContract | null> {
  const file = `systems/${system}/app/contract.ts`;
  if (!repositoryFiles().includes(file)) return null;
  const exported = (await load(file))[`${camel(system)}Contract`];
  return (exported as SystemContract | undefined) ?? null;
}

/** Null: there is none, or it is no snapshot. */
export function snapshotOf(system: string): ContractSnapshot | null {
  const file = `systems/${system}/contracts.snapshot.json`;
  return repositoryFiles().includes(file) ? readSnapshot(readText(file)) : null;
}

/** Every message that a file in a contract folder of the system exports. */
export async function messagesIn(system: string): Promise<PublishedMessage[]> {
  const files = repositoryFiles().filter((file) => {
    const place = placeOf(file);
    return place.layer === "contract" && place.system === system && !place.testing && file.endsWith(".ts");
  });
  const found = new Map<string, PublishedMessage>();
  for (const file of files) {
    for (const value of Object.values(await load(file))) if (isMessage(value)) found.set(value.type, value);
  }
  return [...found.values()];
}

async function load(file: string): Promise<Readonly<Record<string, unknown>>> {
  return import(pathToFileURL(path.join(repositoryRoot, file)).href);
}

export function isMessage(value: unknown): value is PublishedMessage {
  if (typeof value !== "object" || value === null) return false;
  return ["kind", "type", "schemaVersion", "schema"].every((name) => name in value);
}

/** Messages that contract folders export and the system's contract leaves out, one sentence each. */
export function unpromised(contract: SystemContract, messages: readonly PublishedMessage[]): string[] {
  const promised = contract.contexts.flatMap((context) => context.messages.map(({ type }) => type));
  const twice = promised.filter((type, index) => promised.indexOf(type) !== index);
  return [
    ...messages
      .filter(({ type }) => !promised.includes(type))
      .map(({ type }) => `${type} is in no context's messages`),
    ...twice.map((type) => `${type} is published twice`),
  ];
}

function camel(system: string): string {
  return system.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
