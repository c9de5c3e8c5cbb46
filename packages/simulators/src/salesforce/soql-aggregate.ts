import type { FieldFunctionExpression, OrderByClause, Query } from "@jetstreamapp/soql-parser-js";
import { refuse } from "./api-error.ts";
import { shownField } from "./shown-record.ts";
import { compareValues } from "./soql-filter.ts";
import { type Path, resolvePath, type Scope } from "./soql-scope.ts";
import type { Row } from "./store.ts";
import type { Value } from "./value.ts";

const functions = ["COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX"] as const;

/** Whether a query counts or groups, instead of listing records. */
export function isAggregate({ fields = [], groupBy }: Query): boolean {
  return groupBy !== undefined || fields.some((field) => isFunction(field) && functionOf(field) !== null);
}

interface Column {
  /** Name in the result, and the names that ORDER BY may call it by. */
  readonly name: string;
  readonly calledAlso: readonly string[];
  of(rows: readonly Row[]): Value;
}

/** Errors: MALFORMED_QUERY for a column that is neither grouped nor aggregated, ROLLUP, CUBE, and groups by a function. */
export function runAggregate(
  scope: Scope,
  query: Query,
  rows: readonly Row[],
): { readonly totalSize: number; readonly records: readonly object[] } {
  const { fields = [], orderBy, limit, offset = 0 } = query;
  const [only] = fields;
  if (fields.length === 1 && only !== undefined && isFunction(only) && isBareCount(only)) {
    if (query.groupBy !== undefined)
      throw refuse("MALFORMED_QUERY", "COUNT() cannot be grouped: name a field");
    return { totalSize: Math.min(rows.length, limit ?? rows.length), records: [] };
  }
  const groups = [query.groupBy ?? []].flat().map((clause) => {
    if (!("field" in clause))
      throw refuse("MALFORMED_QUERY", "grouping by a function is not imitated by this simulator");
    return { text: clause.field.toLowerCase(), path: resolvePath(scope, clause.field) };
  });
  const columns = columnsOf(scope, query, groups);
  const byKey = Map.groupBy(rows, (row) => JSON.stringify(groups.map(({ path }) => path.read(row))));
  // Without GROUP BY there is one group, of no rows if need be.
  const grouped = groups.length === 0 ? [rows] : [...byKey.values()];
  const results = grouped.map((group) => columns.map((column) => ({ column, value: column.of(group) })));
  const ordered = sorted(results, columns, [orderBy ?? []].flat());
  const records = ordered.slice(offset, limit === undefined ? undefined : offset + limit).map((cells) => ({
    attributes: { type: "AggregateResult" },
    ...Object.fromEntries(cells.map(({ column, value }) => [column.name, value])),
  }));
  return { totalSize: records.length, records };
}

function columnsOf(
  scope: Scope,
  { fields = [] }: Query,
  groups: readonly { readonly text: string; readonly path: Path }[],
): readonly Column[] {
  let unnamed = 0;
  return fields.map((field) => {
    if (isFunction(field)) {
      const { alias, rawValue = "" } = field;
      const name = alias ?? `expr${unnamed++}`;
      return { name, calledAlso: [plain(rawValue)], of: aggregateOf(scope, field) };
    }
    if (field.type !== "Field" && field.type !== "FieldRelationship") {
      throw refuse("MALFORMED_QUERY", `a grouped query has no column of this kind: ${field.type}`);
    }
    const path = field.type === "Field" ? [field.field] : [...field.relationships, field.field];
    const text = path.join(".").toLowerCase();
    const group = groups.find((one) => one.text === text);
    if (group === undefined)
      throw refuse("MALFORMED_QUERY", `Field must be grouped or aggregated: ${path.join(".")}`);
    const { path: read } = group;
    return {
      name: ("alias" in field ? field.alias : undefined) ?? read.field.name,
      calledAlso: [text],
      of: ([row]) => (row === undefined ? null : shownField(read.field, read.read(row))),
    };
  });
}

function aggregateOf(scope: Scope, field: FieldFunctionExpression): (rows: readonly Row[]) => Value {
  const name = functionOf(field);
  const [parameter] = field.parameters;
  if (name === null || (parameter !== undefined && typeof parameter !== "string")) {
    throw refuse("MALFORMED_QUERY", `function is not imitated by this simulator: ${field.rawValue}`);
  }
  if (parameter === undefined) throw refuse("MALFORMED_QUERY", `${name}() stands alone or names a field`);
  const path = resolvePath(scope, parameter);
  if ((name === "SUM" || name === "AVG") && path.field.type !== "double") {
    throw refuse("MALFORMED_QUERY", `field ${parameter} does not support aggregate operator ${name}`);
  }
  const present = (rows: readonly Row[]) =>
    rows.map((row) => path.read(row)).filter((value) => value !== null);
  const sum = (values: readonly Value[]) => values.reduce<number>((total, value) => total + Number(value), 0);
  return (rows) => {
    const values = present(rows);
    if (name === "COUNT") return values.length;
    if (name === "COUNT_DISTINCT") return new Set(values).size;
    if (values.length === 0) return null;
    if (name === "SUM") return sum(values);
    if (name === "AVG") return sum(values) / values.length;
    const ordered = values.toSorted(compareValues);
    return shownField(path.field, (name === "MIN" ? ordered[0] : ordered.at(-1)) as Value);
  };
}

type Cells = readonly { readonly column: Column; readonly value: Value }[];

function sorted(
  results: readonly Cells[],
  columns: readonly Column[],
  clauses: readonly OrderByClause[],
): readonly Cells[] {
  const orders = clauses.map((clause) => {
    const called = plain("field" in clause ? clause.field : (clause.fn.rawValue ?? ""));
    const index = columns.findIndex(
      ({ name, calledAlso }) => plain(name) === called || calledAlso.includes(called),
    );
    if (index === -1)
      throw refuse("MALFORMED_QUERY", `ORDER BY something that is not selected is not imitated: ${called}`);
    return { index, down: clause.order === "DESC", nullsLast: clause.nulls === "LAST" };
  });
  return results.toSorted((a, b) => {
    for (const { index, down, nullsLast } of orders) {
      const [left, right] = [a[index]?.value ?? null, b[index]?.value ?? null];
      if (left === right) continue;
      if (left === null || right === null) return (left === null) === !nullsLast ? -1 : 1;
      const compared = compareValues(left, right);
      if (compared !== 0) return down ? -compared : compared;
    }
    return 0;
  });
}

function isFunction(field: { readonly type: string }): field is FieldFunctionExpression {
  return field.type === "FieldFunctionExpression";
}

function functionOf({ functionName }: FieldFunctionExpression): (typeof functions)[number] | null {
  return functions.find((name) => name === functionName.toUpperCase()) ?? null;
}

function isBareCount(field: FieldFunctionExpression): boolean {
  return functionOf(field) === "COUNT" && field.parameters.length === 0;
}

function plain(text: string): string {
  return text.toLowerCase().replace(/\s/g, "");
}
