/** Every code a user, operator or program can meet: collected from the sources and from docs/reference/errors.md. */
import { codeSpans, tablesOf } from "./markdown.ts";
import { placeOf } from "./places.ts";
import { readSource } from "./source-text.ts";

/**
 * Kinds of a code: the five of a Failure, and
 * - `edge`: an answer the HTTP edge makes itself;
 * - `refusal`: a rule of a context said no, recorded as a fact;
 * - `reason`: why a process failed, beyond refusals;
 * - `cause`: why an entry was parked or given up, beyond Failures.
 */
const failureKinds = ["refused", "conflict", "unavailable", "unknown-outcome", "defect"];
const kinds = new Set([...failureKinds, "edge", "refusal", "reason", "cause"]);

export interface CodeUse {
  readonly kinds: ReadonlySet<string>;
  /** HTTP status; null when the code is no HTTP answer. */
  readonly status: number | null;
  /** Files that use it. */
  readonly files: ReadonlySet<string>;
}

export interface CodesInSources {
  readonly codes: ReadonlyMap<string, CodeUse>;
  /** Reasons of the WebSocket closes and their numbers. */
  readonly closes: ReadonlyMap<string, number>;
  /** Places whose code cannot be read from the source. */
  readonly unreadable: readonly string[];
}

const failureCall = /\bnew\s+Failure\(\s*("[^"]*"|[^,()]+),\s*("[^"]*"|[^,()]+)/g;
const refuseCall = /\brefuse\(\s*"([^"]*)"/g;
const codeProperty = /\bcode:\s*"([^"]*)"(?:,\s*status:\s*(\d+))?/g;
const refusalReason = /^\s*"?([a-z][\w-]*)"?:\s*"/gm;
const closeTable = /\bstreamCloses\s*=\s*\{([^}]*)\}/;
const closeReason = /"?([\w-]+)"?:\s*(\d{4})\b/g;

export function codesInSources(files: ReadonlyMap<string, string>): CodesInSources {
  const codes = new Map<string, { kinds: Set<string>; status: number | null; files: Set<string> }>();
  const closes = new Map<string, number>();
  const unreadable: string[] = [];
  const add = (
    file: string,
    code: string,
    kind: string | null,
    status: string | undefined = undefined,
  ): void => {
    const use = codes.get(code) ?? { kinds: new Set(), status: null, files: new Set() };
    if (kind !== null) use.kinds.add(kind);
    if (status !== undefined) use.status = Number(status);
    use.files.add(file);
    codes.set(code, use);
  };
  for (const [file, raw] of files) {
    const place = placeOf(file);
    if (place.testing || (place.package === null && place.system === null)) continue;
    const text = readSource(raw).withStrings;
    for (const [, kind = "", code = ""] of text.matchAll(failureCall)) {
      // The edge takes codes from its own table, which is read below.
      if (place.package === "edge" && !code.startsWith('"')) continue;
      if (kind.startsWith('"') && code.startsWith('"')) add(file, code.slice(1, -1), kind.slice(1, -1));
      else unreadable.push(`${file}: new Failure(${kind}, ${code}, …)`);
    }
    if (place.layer === "domain") {
      for (const [, code = ""] of text.matchAll(refuseCall)) add(file, code, "refusal");
    }
    // Simulators speak other systems' languages; those codes are not ours.
    if (place.package === "simulators") continue;
    for (const [, code = "", status] of text.matchAll(codeProperty)) {
      const kind = place.layer === "domain" ? "reason" : place.package === "core" ? "cause" : null;
      // The examples in a contract name codes that are made elsewhere.
      if (place.layer !== "contract") add(file, code, status === undefined ? kind : null, status);
    }
    if (file.endsWith("/contract/refusals.ts")) {
      for (const [, code = ""] of text.matchAll(refusalReason)) add(file, code, "refusal");
    }
    for (const [, reason = "", number] of (closeTable.exec(text)?.[1] ?? "").matchAll(closeReason)) {
      closes.set(reason, Number(number));
    }
  }
  for (const use of codes.values()) if (use.kinds.size === 0) use.kinds.add("edge");
  return { codes, closes, unreadable };
}

export interface Catalogue {
  readonly rows: readonly {
    readonly code: string;
    readonly kinds: readonly string[];
    readonly status: string;
  }[];
  readonly closes: readonly { readonly reason: string; readonly number: string }[];
  readonly retired: readonly string[];
}

/** Reads the page: tables whose first column is `Code`, `Close reason` or `Retired code`. */
export function readCatalogue(page: string): Catalogue {
  const tables = tablesOf(page);
  const rowsUnder = (title: string) =>
    tables.filter(({ header }) => header[0] === title).flatMap(({ rows }) => rows);
  return {
    rows: rowsUnder("Code").map(([code = "", kind = "", status = ""]) => ({
      code: codeSpans(code)[0] ?? code,
      kinds: kind.split(",").map((word) => word.trim()),
      status,
    })),
    closes: rowsUnder("Close reason").map(([reason = "", number = ""]) => ({
      reason: codeSpans(reason)[0] ?? reason,
      number,
    })),
    retired: rowsUnder("Retired code").map(([code = ""]) => codeSpans(code)[0] ?? code),
  };
}

/** What the page and the sources disagree about, one sentence each. */
export function disagreements(sources: CodesInSources, page: Catalogue): readonly string[] {
  return [
    ...sources.unreadable.map((place) => `${place}: kind and code must be written out`),
    ...codeDisagreements(sources, page),
    ...rowDisagreements(sources, page),
    ...closeDisagreements(sources, page),
  ];
}

function codeDisagreements({ codes }: CodesInSources, page: Catalogue): string[] {
  const listed = new Set(page.rows.map(({ code }) => code));
  const says: string[] = [];
  for (const [code, use] of codes) {
    const where = [...use.files].join(", ");
    if (!/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(code)) says.push(`${code} is not kebab-case (${where})`);
    if (page.retired.includes(code)) says.push(`${code} is retired and must not come back (${where})`);
    else if (!listed.has(code)) says.push(`${code} is not on the page (${where})`);
  }
  return says;
}

function rowDisagreements({ codes }: CodesInSources, page: Catalogue): string[] {
  const seen = new Set<string>();
  return page.rows.flatMap(({ code, kinds: named, status }) => {
    const says: string[] = [];
    if (seen.has(code)) says.push(`${code} is on the page twice`);
    seen.add(code);
    for (const kind of named) if (!kinds.has(kind)) says.push(`${code}: there is no kind "${kind}"`);
    const use = codes.get(code);
    if (use === undefined) return [...says, `${code} is on the page, but nothing uses it: retire it`];
    const actual = [...use.kinds].sort().join(", ");
    if (actual !== [...named].sort().join(", "))
      says.push(`${code} is of kind ${actual}, the page says ${named}`);
    const number = use.status === null ? "–" : String(use.status);
    if (number !== status) says.push(`${code} has HTTP status ${number}, the page says ${status}`);
    return says;
  });
}

function closeDisagreements({ closes }: CodesInSources, page: Catalogue): string[] {
  const listed = new Map(page.closes.map(({ reason, number }) => [reason, number]));
  return [...new Set([...closes.keys(), ...listed.keys()])].flatMap((reason) => {
    const actual = String(closes.get(reason) ?? "not used");
    const said = listed.get(reason) ?? "nothing";
    return actual === said ? [] : [`close ${reason} is ${actual}, the page says ${said}`];
  });
}
