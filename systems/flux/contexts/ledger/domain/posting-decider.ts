import { type Decider, type Decision, type Entry, Failure } from "@entente/core/model";
import {
  ledgerFacts,
  type NotePosting,
  notePosting,
  postingGivenUp,
  reportPosting,
  topUpNotPosted,
  topUpPosted,
} from "../contract/report-posting.ts";

/** It remembers nothing: a hand-off ends once, and what is said of it comes once. */
type Nothing = Readonly<Record<string, never>>;

/** Tells whoever asked for a top-up what became of its entry in the books. There in stage A alone. Key: accountId. */
export const postingDecider: Decider<Nothing> = {
  name: "posting",
  commands: { [notePosting.type]: { parking: "step-aside", schemaVersion: notePosting.schemaVersion } },
  facts: ledgerFacts,
  refusalType: topUpNotPosted.type,
  initial: {},
  decide,
  evolve: (state) => state,
};

function decide(_state: Nothing, command: Entry): Decision {
  if (command.type !== notePosting.type) {
    throw new Failure("defect", "command-not-decided", `The ledger does not decide ${command.type}.`, {
      fields: { type: command.type },
    });
  }
  const data = command.data as NotePosting;
  const { requestId, accountId, outcome } = data;
  const { type, schemaVersion } = reportPosting;
  const commands = [{ target: "request", type, schemaVersion, data }];
  return outcome === "posted"
    ? { facts: [{ type: topUpPosted.type, data: { requestId, accountId } }], commands }
    : { facts: [{ type: topUpNotPosted.type, data: notPosted }], commands };
}

const notPosted = { code: postingGivenUp, reason: "The top-up could not be posted." };
