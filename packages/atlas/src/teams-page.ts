import { commas, heading, list, type Page, table, text } from "./page.ts";
import type { TeamLoad } from "./teams.ts";
import { sheetPath } from "./treaty-pages.ts";

export const teamsFile = "teams.json";

/** Who owns how much, and where teams meet. */
export function teamsPage(loads: readonly TeamLoad[]): Page {
  return {
    path: "teams",
    title: "Teams",
    says: "What each team has to keep in mind, and where it meets others: counted from the declarations.",
    group: "System",
    blocks: [
      text(["For programs: ", { text: teamsFile, to: teamsFile }, "."]),
      table(
        "Load of each team",
        ["Team", "Interfaces", "Schemas", "Alerts", "Cross-team changes"],
        loads.map(({ team, interfaces, schemas, alerts, crossTeamChanges }) => [
          team,
          sumOf(interfaces),
          sumOf({ "of contexts": schemas.messages, "of treaties": schemas.ofTreaties }),
          String(alerts),
          String(crossTeamChanges),
        ]),
      ),
      heading("What is counted"),
      list([
        "Interfaces: operations of the HTTP interface, of the team whose context accepts commands, or as the system says; the journal of each context; treaties, each of the team that its runbook names as technical owner; systems outside, of the team that runs them.",
        "Schemas: messages that the contexts publish, and requests, answers and callbacks of treaties.",
        "Alerts: thresholds in the runbooks of treaties; pages of incidents.",
        "Cross-team changes: of messages that travel between two teams, versions after the first that were accepted into the contract, and breaks accepted with a reason. A change that kept its version, and one of a treaty, is not in the committed contract's history and is not counted.",
      ]),
      heading("What each team owns"),
      table(
        "What each team owns",
        ["Team", "Contexts", "Treaties", "Systems"],
        loads.map(({ team, contexts, treaties, counterparties }) => [
          team,
          commas(contexts.map((name) => ({ text: name, to: `contexts/${name}` }))),
          commas(treaties.map((name) => ({ text: name, to: sheetPath(name) }))),
          commas(counterparties),
        ]),
      ),
      heading("Where teams meet"),
      text(
        "Arrows of the context map between them, and how many types of messages travel there. A treaty is one arrow for each kind of message.",
      ),
      table(
        "Where teams meet",
        ["Team", "With", "Arrows", "Messages"],
        loads.flatMap(({ team, meets }) =>
          meets
            .filter((other) => team < other.team)
            .map(({ team: other, arrows, messages }) => [team, other, String(arrows), String(messages)]),
        ),
      ),
    ],
  };
}

/** `3 (journals: 2, treaties: 1)`; what there is none of is left out. */
function sumOf(counts: Readonly<Record<string, number>>): string {
  const some = Object.entries(counts).filter(([, count]) => count > 0);
  const total = some.reduce((sum, [, count]) => sum + count, 0);
  return total === 0 ? "0" : `${total} (${some.map(([what, count]) => `${what}: ${count}`).join(", ")})`;
}
