/** Rows as OData 2.0 writes them: verbose JSON, or Atom. */
import { element, xmlText } from "../../xml/write-xml.ts";
import type { EdmValue, EntitySet, Property, Row, Service } from "./entity-set.ts";

export interface RowsAnswer {
  readonly service: Service;
  readonly set: EntitySet;
  /** Address of the service, without a slash at its end. */
  readonly root: string;
  readonly select: readonly string[] | null;
}

export function keyPredicate(set: EntitySet, row: Row): string {
  const quoted = (name: string) => `'${encodeURIComponent(String(row[name] ?? "")).replaceAll("'", "''")}'`;
  const [only] = set.keys;
  return set.keys.length === 1 && only !== undefined
    ? quoted(only)
    : set.keys.map((name) => `${name}=${quoted(name)}`).join(",");
}

export function addressOf({ root, set }: RowsAnswer, row: Row): string {
  return `${root}/${set.name}(${keyPredicate(set, row)})`;
}

/** The object that stands for a row. */
export function jsonOf(answer: RowsAnswer, row: Row): Readonly<Record<string, unknown>> {
  const { service, set, select } = answer;
  const uri = addressOf(answer, row);
  const etag = set.etag?.(row);
  const values: Record<string, unknown> = {
    __metadata: {
      id: uri,
      uri,
      type: `${service.name}.${set.typeName}`,
      ...(etag === undefined ? {} : { etag }),
    },
  };
  for (const name of select ?? Object.keys(set.properties)) {
    values[name] = jsonValue(row[name] ?? null, set.properties[name] as Property);
  }
  return values;
}

function jsonValue(value: EdmValue, { type }: Property): EdmValue {
  if (value === null) return null;
  if (type === "Edm.DateTime") return `/Date(${value})/`;
  return type === "Edm.DateTimeOffset" ? `/Date(${value}+0000)/` : value;
}

function atomValue(value: EdmValue, { type }: Property): string {
  if (type === "Edm.DateTime") return new Date(Number(value)).toISOString().slice(0, 19);
  return type === "Edm.DateTimeOffset" ? new Date(Number(value)).toISOString() : String(value);
}

const namespaces =
  'xmlns="http://www.w3.org/2005/Atom" xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata" xmlns:d="http://schemas.microsoft.com/ado/2007/08/dataservices"';

export function atomEntry(answer: RowsAnswer, row: Row, updated: string, outermost = true): string {
  const { service, set, root, select } = answer;
  const uri = addressOf(answer, row);
  const etag = set.etag?.(row);
  const head = outermost
    ? `<?xml version="1.0" encoding="utf-8"?><entry xml:base="${xmlText(root)}/" ${namespaces}`
    : "<entry";
  const properties = (select ?? Object.keys(set.properties))
    .map((name) => {
      const value = row[name] ?? null;
      return value === null
        ? `<d:${name} m:null="true"/>`
        : element(`d:${name}`, atomValue(value, set.properties[name] as Property));
    })
    .join("");
  return `${head}${etag === undefined ? "" : ` m:etag="${xmlText(etag)}"`}>${element("id", uri)}<title type="text">${set.name}</title><updated>${updated}</updated><category term="${service.name}.${set.typeName}" scheme="http://schemas.microsoft.com/ado/2007/08/dataservices/scheme"/><link href="${xmlText(uri)}" rel="self" title="${set.typeName}"/><content type="application/xml"><m:properties>${properties}</m:properties></content></entry>`;
}

export interface Page {
  readonly rows: readonly Row[];
  /** Of all that match, when it was asked for. */
  readonly count: number | null;
  /** Address of the next page. */
  readonly next: string | null;
}

export function writeFeed(answer: RowsAnswer, page: Page, updated: string): string {
  const { set, root } = answer;
  const count = page.count === null ? "" : element("m:count", String(page.count));
  const next = page.next === null ? "" : `<link rel="next" href="${xmlText(page.next)}"/>`;
  const entries = page.rows.map((row) => atomEntry(answer, row, updated, false)).join("");
  return `<?xml version="1.0" encoding="utf-8"?><feed xml:base="${xmlText(root)}/" ${namespaces}>${element("id", `${root}/${set.name}`)}<title type="text">${set.name}</title><updated>${updated}</updated>${count}${entries}${next}</feed>`;
}

export function jsonFeed(answer: RowsAnswer, page: Page): string {
  return JSON.stringify({
    d: {
      ...(page.count === null ? {} : { __count: String(page.count) }),
      results: page.rows.map((row) => jsonOf(answer, row)),
      ...(page.next === null ? {} : { __next: page.next }),
    },
  });
}
