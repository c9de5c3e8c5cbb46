import type { SystemDefinition } from "../context/definition.ts";
import type { JsonObject } from "../model/entry.ts";
import { isHandOffTreaty, type Treaty } from "../treaty/treaty.ts";
import type { PersonalData } from "./personal-data.ts";

/** Name of the context that keeps the keys of data subjects: a database and a role of its own. */
export const keysContext = "keys";

/** The system with one more context, whose database holds the keys and whose journal says which were erased. */
export function withKeys(definition: SystemDefinition): SystemDefinition {
  return { ...definition, contexts: [...definition.contexts, { name: keysContext }] };
}

/** The system whose treaties are given personal data in the open, at the moment of sending and in memory only. */
export function openingPersonalData(definition: SystemDefinition, personal: PersonalData): SystemDefinition {
  const opening = (treaty: Treaty): Treaty =>
    isHandOffTreaty(treaty)
      ? {
          ...treaty,
          send: async (dispatch, means) =>
            treaty.send(
              { ...dispatch, data: await personal.open(dispatch.tenantId, dispatch.data as JsonObject) },
              means,
            ),
        }
      : treaty;
  const contexts = definition.contexts.map(({ treaties, ...context }) =>
    treaties === undefined ? context : { ...context, treaties: treaties.map(opening) },
  );
  return { ...definition, contexts };
}
