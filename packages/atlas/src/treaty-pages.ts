import {
  contractSheet,
  isHandOffTreaty,
  promisedTerms,
  runbookEntries,
  styleQuestions,
  type Treaty,
  treatyParts,
  treatyQuestions,
} from "@entente/core";
import { type Block, commas, heading, type Inline, json, list, type Page, table, text } from "./page.ts";
import { duration, entryTitle, questionTitle } from "./words.ts";

export function sheetPath(treaty: string): string {
  return `treaties/${treaty}`;
}

export function runbookPath(treaty: string): string {
  return `runbooks/${treaty}`;
}

/** The contract sheet with its 21 entries, the eleven questions, and the terms that the compatibility check keeps. */
export function sheetPage(context: string, treaty: Treaty): Page {
  const { name } = treaty;
  const sheet = contractSheet(treaty);
  const entries = Object.entries(sheet).map(([entry, value]): readonly Inline[] => [
    entryTitle(entry),
    typeof value === "string" ? value : "See below.",
  ]);
  return {
    path: sheetPath(name),
    title: name,
    says: treaty.sheet.purpose,
    group: "Treaties",
    blocks: [
      text([
        `A ${treaty.kind} treaty of the context `,
        { text: context, to: `contexts/${context}` },
        ` with ${treaty.target}. When something is wrong with it: `,
        { text: "its runbook", to: runbookPath(name) },
        ".",
      ]),
      heading("Contract sheet"),
      table(`Contract sheet of ${name}`, ["Entry", "What is agreed"], entries),
      heading("Eleven questions"),
      table(
        `Questions that ${name} answers`,
        ["Question", "Answer"],
        treatyQuestions.map((question) => [questionTitle(question), treaty.answers[question]]),
      ),
      ...terms(treaty),
      heading("Error map"),
      table(
        `Error map of ${name}`,
        ["Their code", "Class", "What it means"],
        Object.entries(treaty.errorMap).map(([code, { class: answerClass, means }]) => [
          `\`${code}\``,
          answerClass,
          means,
        ]),
      ),
      text("A code that is not on the map is a person's case and a task to extend the map, never a guess."),
      heading("Style"),
      list(
        styleQuestions.map((question) => `${entryTitle(question)}: ${treaty.style[question] ? "yes" : "no"}`),
      ),
      heading("Parts"),
      table(
        `Where each concern of ${name} is taken care of`,
        ["Concern", "Where"],
        Object.entries(treatyParts).map(([part, where]) => [entryTitle(part), where]),
      ),
      ...schemas(treaty),
    ],
  };
}

function terms(treaty: Treaty): Block[] {
  const { idempotencyKey, timeLimits, retry } = promisedTerms(treaty);
  const rows: (readonly Inline[])[] = [
    ["Idempotency key", idempotencyKey.length === 0 ? "none: it only reads" : idempotencyKey.join(", ")],
    ...Object.entries(timeLimits).map(([limit, ms]): readonly Inline[] => [
      entryTitle(limit.replace(/Ms$/, "")),
      duration(ms),
    ]),
  ];
  if (retry !== undefined) {
    const { attempts, firstDelayMs, longestDelayMs } = retry;
    rows.push([
      "Sendings under one key",
      `${attempts} at most, after ${duration(firstDelayMs)} to ${duration(longestDelayMs)}`,
    ]);
  }
  if ("limits" in treaty) {
    rows.push(["Requests at once", String(treaty.limits.concurrency)]);
    rows.push(["Requests a second", String(treaty.limits.ratePerSecond)]);
  }
  if (isHandOffTreaty(treaty)) {
    rows.push(["Order", treaty.order === "per-key" ? "kept for each key" : "none"]);
    rows.push(["Rows that travel together", String(treaty.batch?.rowsAllowed ?? 1)]);
    const { window } = treaty;
    if (window !== undefined) {
      rows.push(["Window", `${window.opensAt} to ${window.closesAt}, ${window.timeZone}`]);
    }
    const facts =
      treaty.withdraws === undefined ? "Facts that ask for it" : "Facts that ask for it or withdraw it";
    rows.push([facts, commas(treaty.facts.map((fact) => `\`${fact}\``) as string[])]);
  }
  rows.push(["Credentials", commas(treaty.credentials.map((credential) => `\`${credential}\``) as string[])]);
  return [heading("Terms"), table(`Terms of ${treaty.name}`, ["Term", "Agreed"], rows)];
}

function schemas(treaty: Treaty): Block[] {
  const { callback } = isHandOffTreaty(treaty) ? treaty : { callback: undefined };
  return [
    heading("Input schema"),
    json("Input schema", treaty.input),
    heading("Output schema"),
    json("Output schema", treaty.output),
    ...(callback === undefined ? [] : [heading("Callback schema"), json("Callback schema", callback.schema)]),
  ];
}

/** The runbook with its 21 entries. */
export function runbookPage(treaty: Treaty): Page {
  const { name, runbook } = treaty;
  return {
    path: runbookPath(name),
    title: `Runbook: ${name}`,
    says: `What to do when something is wrong between us and ${treaty.target}.`,
    group: "Runbooks",
    blocks: [
      text(["What is agreed: ", { text: "contract sheet", to: sheetPath(name) }, "."]),
      table(
        `Runbook of ${name}`,
        ["Entry", "What to know or do"],
        runbookEntries.map((entry) => [entryTitle(entry), runbook[entry]]),
      ),
    ],
  };
}
