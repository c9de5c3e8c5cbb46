/** Rules about what stands in a file, and about its name. */
import { isContractEngine, isModel, isPure, type Place } from "./places.ts";
import { lineAt, type SourceText } from "./source-text.ts";

export interface Finding {
  readonly line: number;
  readonly says: string;
}

export interface TextCase {
  readonly place: Place;
  readonly raw: string;
  readonly source: SourceText;
}

export type TextRule = (one: TextCase) => readonly Finding[];

function everyMatch(text: string, pattern: RegExp, says: (match: RegExpMatchArray) => string): Finding[] {
  return [...text.matchAll(pattern)].map((match) => ({ line: lineAt(text, match.index), says: says(match) }));
}

const readsEnvironment = /\bprocess\s*(?:\?\.|\.|\[)\s*(?:env\b|["']env["'])|\bimport\.meta\.env\b/g;

/** Configuration enters as an argument; only composition roots read the environment. */
const environment: TextRule = ({ place, source }) => {
  const may = place.testing || place.layer === "app" || place.package === "cli";
  if (may || place.unit === "bench" || place.unit === "tools") return [];
  const says = () => "only app folders and the command line read the environment";
  const imported = /\bimport\s*\{[^}]*\benv\b[^}]*\}\s*from\s*["'](?:node:)?process["']/g;
  return [
    ...everyMatch(source.withStrings, readsEnvironment, says),
    ...everyMatch(source.withStrings, imported, says),
  ];
};

const sql = [
  /^\s*(?:select|SELECT)\s/,
  /\b(?:select|SELECT)\s[^;]*?\s(?:from|FROM)\s+[\w"$(]/,
  /\b(?:insert into|INSERT INTO|delete from|DELETE FROM)\s+[\w"$]/,
  /\b(?:update|UPDATE)\s+[\w."${}]+\s+(?:(?:as\s+)?\w+\s+)?(?:set|SET)\s/,
];

/** SQL stands in the folder of the record it serves, where a reader of the record finds it. */
const sqlInStores: TextRule = ({ place, source }) => {
  const inCore = place.package === "core" && !isModel(place);
  if (inCore || place.layer === "store" || place.testing || place.unit === "bench") return [];
  return source.literals
    .filter(({ text }) => sql.some((pattern) => pattern.test(text)))
    .map(({ line }) => ({ line, says: "SQL stands in the runtime's record folders and in store folders" }));
};

/** Call and what to use instead. */
const impure: readonly (readonly [RegExp, string])[] = [
  [/\bMath\s*\.\s*random\b/g, "randomness is an argument"],
  [/\bDate\s*\.\s*now\b/g, "time is an argument"],
  [/\bnew\s+Date\s*(?:\(\s*\)|(?![\s(]))/g, "time is an argument"],
  [/(?<!\bnew\s+)(?<![\w.$])Date\s*\(/g, "time is an argument"],
  [/\bTemporal\s*\.\s*Now\b/g, "time is an argument"],
  [/\bperformance\s*\.\s*now\b/g, "time is an argument"],
  [/(?<![\w$])set(?:Timeout|Interval|Immediate)\b/g, "timers are part of the decision"],
  [/\bcrypto\s*\.\s*\w+|(?<![\w.$])randomUUID\b/g, "identity is derived from its cause"],
  [/(?<![\w.$])fetch\s*\(/g, "pure code does no I/O"],
  [/(?<![\w.$])process\s*\./g, "pure code does not know the process"],
  [/(?<![\w.$])console\s*\./g, "pure code does no I/O"],
  [/(?<![\w.$])async\b|(?<![\w.$])await\b/g, "pure code does not wait"],
];

/** Decisions give the same answer a year later: nothing in them asks the clock, the dice or the world. */
const pureCalls: TextRule = ({ place, source }) => {
  if ((!isPure(place) && !isContractEngine(place)) || place.testing) return [];
  return impure.flatMap(([pattern, instead]) =>
    everyMatch(source.code, pattern, (match) => `${match[0].trim()}: ${instead}`),
  );
};

/** Whatever the language brings along for asking the world, a treaty's means judge where it goes, and its budget counts it. */
const asksTheWorld = /(?<![\w.$])(?:globalThis\s*\.\s*)?(?:fetch\s*\(|new\s+(?:WebSocket|EventSource)\b)/g;

const treatyCalls: TextRule = ({ place, source }) =>
  place.layer === "treaties" && !place.testing
    ? everyMatch(source.code, asksTheWorld, () => "a treaty reaches the outside by its means")
    : [];

const bannedWords = new Set(["util", "utils", "helper", "helpers", "manager", "managers", "common", "misc"]);

/** A name says what the thing is. */
const names: TextRule = ({ place }) => {
  const parts = place.path.split("/");
  const file = parts.at(-1) ?? "";
  const findings: Finding[] = [];
  const banned = parts.flatMap((part) => part.split(/[-.]/)).find((word) => bannedWords.has(word));
  if (banned !== undefined) findings.push({ line: 1, says: `"${banned}" names nothing` });
  if (file === "types.ts") findings.push({ line: 1, says: "a type stands beside its owner" });
  if (!/^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+)*\.ts$/.test(file)) {
    findings.push({ line: 1, says: "file names are kebab-case" });
  }
  return findings;
};

/** Lines past which a file says at its top why it is one file. */
export const linesWithoutReason = 400;

const size: TextRule = ({ raw }) => {
  const lines = raw.trimEnd().split("\n").length;
  if (lines <= linesWithoutReason) return [];
  const top = /^(?:#!.*\n)?\s*(?:\/\*[\s\S]*?\*\/|(?:\/\/.*\n\s*)+)/.exec(raw)?.[0] ?? "";
  if (/\bbecause\b/i.test(top)) return [];
  return [{ line: 1, says: `${lines} lines, and no comment at the top says "… because …"` }];
};

export const textRules: Readonly<Record<string, TextRule>> = {
  "environment-in-app": environment,
  "sql-in-stores": sqlInStores,
  "pure-calls": pureCalls,
  "treaty-calls": treatyCalls,
  "names-that-say": names,
  "long-with-reason": size,
};
