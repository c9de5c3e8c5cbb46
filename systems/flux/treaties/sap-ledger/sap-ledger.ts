import { defineTreaty, type Entry, type HandOffTreaty, type Reply, type Translation } from "@entente/core";
import { Type } from "typebox";
import { JournalEntry } from "../../contexts/ledger/contract/journal-entry.ts";
import { balanceDebited } from "../../contexts/subscription/contract/balance-debited.ts";
import { quotaDebitUndone } from "../../contexts/subscription/contract/quota-debit-undone.ts";
import { type HttpAnswer, httpCall } from "../http-call.ts";
import { basic } from "./communication-user.ts";
import { type CompanyCodeOf, noCompanyCode } from "./company-codes.ts";
import { readConfirmation } from "./confirmation.ts";
import { errorMap } from "./error-map.ts";
import { duplicateCodes, type Held, heldEntries } from "./held-entries.ts";
import { journalEntryMessage, postingPath, soapAction } from "./journal-entry-message.ts";
import { ledgerTotals } from "./ledger-totals.ts";
import { readBack } from "./read-back.ts";
import { keysByReference } from "./references.ts";
import { answers, runbook, sheet, style } from "./sheet.ts";

/** What comes back: a confirmation as text, or the documents that the books have; beside it our keys by reference. */
const SapAnswer = Type.Object({
  keys: Type.Record(Type.String(), Type.String()),
  text: Type.Optional(Type.String()),
  documents: Type.Optional(Type.Record(Type.String(), Type.String())),
  held: Type.Optional(Type.Record(Type.String(), Type.Enum(["same", "other"]))),
  retryAfter: Type.Optional(Type.String()),
});
interface Said {
  readonly keys: Readonly<Record<string, string>>;
  readonly text?: string;
  readonly documents?: Readonly<Record<string, string>>;
  /** Of rows refused as duplicates, by reference: whether the document they have is this entry. */
  readonly held?: Readonly<Record<string, Held>>;
  readonly retryAfter?: string;
}

/**
 * Posts what the ledger is owed to SAP. `entryOf` is the ledger context's decision: the entry a fact asks for, or null.
 * `url`: SAP's, without a path. A tenant without a company code has its entries refused here, and each batch of them is a case.
 */
export function sapLedger(
  url: string,
  entryOf: (fact: Entry) => JournalEntry | null,
  companyCodeOf: CompanyCodeOf,
): HandOffTreaty {
  return defineTreaty({
    name: "sap-ledger",
    version: "1.1.0",
    kind: "command-with-callback",
    target: "sap",
    purpose: "journal-entry",
    sheet,
    runbook,
    answers,
    style,
    errorMap,
    credentials: ["user", "password"],
    input: JournalEntry,
    output: SapAnswer,
    factsFrom: ["subscription"],
    facts: [balanceDebited.type, quotaDebitUndone.type],
    request(fact) {
      const data = entryOf(fact);
      if (data === null) return [];
      // A top-up and its undo are two acts about one top-up.
      const line = fact.type === quotaDebitUndone.type ? "undo" : null;
      return [{ aggregateType: "top-up", aggregateId: data.processId, line, data }];
    },
    batch: { rowsAllowed: 100 },
    async send(dispatch, means) {
      const keys = keysByReference(dispatch.rows.map(({ idempotencyKey }) => idempotencyKey));
      const companyCode = companyCodeOf(dispatch.tenantId);
      if (companyCode === null) return { status: noCompanyCode, raw: noCompanyCode, body: { keys } as Said };
      const answer = await httpCall(
        {
          url: url + postingPath,
          method: "POST",
          headers: {
            authorization: await basic(means),
            "content-type": "text/xml; charset=utf-8",
            soapaction: `"${soapAction}"`,
          },
          body: journalEntryMessage(dispatch, companyCode, Date.now()),
        },
        means,
      );
      const reply = replyOf(answer, keys);
      if (answer.status !== 200) return reply;
      const held = await heldEntries(url, companyCode, dispatch.rows, answer.text, await basic(means), means);
      return { ...reply, body: { ...reply.body, held } };
    },
    async inquire({ tenantId, rowKeys }, means) {
      const keys = keysByReference(rowKeys);
      const companyCode = companyCodeOf(tenantId);
      // It had one when this was sent: "not here" would be a guess.
      if (companyCode === null) throw new Error(`tenant ${tenantId} has no company code any more`);
      const found = await readBack(url, companyCode, Object.keys(keys), await basic(means), means);
      if ("refused" in found) return replyOf(found.refused, keys);
      const documents = Object.fromEntries(
        found.items.map(({ reference, documentKey }) => [reference, documentKey]),
      );
      const body: Said = { keys, documents };
      return { status: "200", raw: JSON.stringify(documents), body };
    },
    translate: ({ status, body }, of) =>
      of === "inquiry"
        ? translateReadBack(status, body as Said)
        : translateConfirmation(status, body as Said),
    totals: ledgerTotals(url, companyCodeOf),
    times: {
      answerWithinMs: 20_000,
      retryFirstMs: 10_000,
      retryLongestMs: 10 * 60_000,
      inFlightMs: 2 * 60_000,
      resultWithinMs: 3_600_000,
      reconcileEveryMs: 5 * 60_000,
      personAfterMs: 4 * 3_600_000,
    },
    limits: {
      concurrency: 8,
      ratePerSecond: 20,
      triesAllowed: 100,
      circuitFailures: 5,
      circuitOpenMs: 15_000,
    },
    // Of one account a later entry never overtakes an earlier one.
    order: "per-key",
  }) as unknown as HandOffTreaty;
}

function replyOf({ status, headers, text }: HttpAnswer, keys: Said["keys"]): Reply<Said> {
  const retryAfter = headers["retry-after"];
  return {
    status: String(status),
    raw: text,
    body: { keys, text, ...(retryAfter === undefined ? {} : { retryAfter }) },
  };
}

/** The outcome of each entry; an entry that is not named, or whose fate is not certain, stays open and is asked about. */
function translateConfirmation(status: string, said: Said): Translation {
  const isXml = status === "200" || (status === "500" && said.text?.includes("Envelope") === true);
  if (!isXml) return refusal(status, said);
  const confirmation = readConfirmation(said.text ?? "");
  if ("fault" in confirmation) return { says: "code", code: `fault-${confirmation.fault}` };
  const ours = confirmation.entries.flatMap((entry) => {
    const key = said.keys[entry.reference];
    return key === undefined ? [] : [{ key, entry }];
  });
  if (ours.length === 0) throw new Error("none of the entries is ours");
  const strange = ours.find(({ entry }) => entry.code !== null && !Object.hasOwn(errorMap, entry.code));
  const posted = ours.some(({ entry }) => entry.document !== null);
  // Nothing of the message is posted, and why is not known: a case for all of it, not a guess for each.
  if (strange?.entry.code != null && !posted) return { says: "code", code: strange.entry.code };
  return {
    says: "accepted",
    rows: ours.map(({ key, entry: { reference, code } }) =>
      code === null
        ? { key, says: "completed" }
        : { key, says: "code", code: duplicateOf(code, said.held?.[reference]) },
    ),
  };
}

/** What a refusal as a duplicate amounts to, where the document they have could be compared. */
function duplicateOf(code: string, held: Held | undefined): string {
  if (held === undefined || !duplicateCodes.has(code)) return code;
  return held === "same" ? "already-posted" : "reference-taken";
}

function translateReadBack(status: string, { keys, documents, ...said }: Said): Translation {
  if (documents === undefined) return refusal(status, { keys, ...said });
  const rows = Object.entries(keys).map(([reference, key]) =>
    Object.hasOwn(documents, reference)
      ? ({ key, says: "completed" } as const)
      : ({ key, says: "not-known" } as const),
  );
  return { says: rows.some(({ says }) => says === "completed") ? "accepted" : "not-known", rows };
}

function refusal(status: string, { retryAfter, text }: Said): Translation {
  const seconds = /^\d{1,6}$/.test(retryAfter ?? "") ? Number(retryAfter) : null;
  const isClosed = status === "503" && seconds !== null && isReceiverFault(text ?? "");
  const code = isClosed ? "window-closed" : status;
  return { says: "code", code, ...(seconds === null ? {} : { retryAfterMs: seconds * 1_000 }) };
}

/**
 * SAP itself answers a SOAP message with a SOAP fault. What stands before it answers with a page, and does not know whether the
 * message was posted before the answer was lost: its 503 proves nothing, whatever time it asks us to wait.
 */
function isReceiverFault(text: string): boolean {
  try {
    const confirmation = readConfirmation(text);
    return "fault" in confirmation && confirmation.fault === "receiver";
  } catch {
    // Not even XML: not theirs.
    return false;
  }
}
