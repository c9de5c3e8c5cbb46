import {
  type FieldType as NamedField,
  type OrderByClause,
  parseQuery,
  type Query,
  type QueryBase,
  type Subquery,
} from "@jetstreamapp/soql-parser-js";
import { refuse } from "./api-error.ts";
import type { ObjectSchema, Schema } from "./schema.ts";
import { shownField } from "./shown-record.ts";
import { isAggregate, runAggregate } from "./soql-aggregate.ts";
import { compareValues, compileFilter } from "./soql-filter.ts";
import { type Path, parentOf, resolvePath, type Scope } from "./soql-scope.ts";
import type { Row, Store } from "./store.ts";

export interface QueryResult {
  readonly totalSize: number;
  /** Empty for `COUNT()`. */
  readonly records: readonly object[];
}

export interface QueryWorld {
  readonly schema: Schema;
  readonly store: Store;
  readonly now: number;
  /** `/services/data/v67.0`, for the URLs of records. */
  readonly base: string;
  /** Deleted rows too. */
  readonly all: boolean;
}

/**
 * Runs a query of the subset in docs/reference/simulators.md.
 * Errors: MALFORMED_QUERY for everything outside it, never a result that is silently wrong; INVALID_TYPE, INVALID_FIELD.
 */
export function runQuery(world: QueryWorld, soql: string): QueryResult {
  const query = parse(soql);
  refuseClauses(query);
  const object = objectOf(world.schema, query.sObject ?? "");
  const scope: Scope = { ...world, object, alias: query.sObjectAlias };
  const filter = compileFilter(scope, query.where);
  const rows = visible(world, object).filter(filter);
  if (isAggregate(query)) return runAggregate(scope, query, rows);
  const columns = columnsOf(world, scope, query);
  const records = page(sorted(scope, rows, query.orderBy), query).map((row) => recordOf(world, row, columns));
  return { totalSize: records.length, records };
}

/**
 * The table that a query's records make: its object and the names of its columns, parents as `Account.Name`.
 * Errors: those of `runQuery`, and for what has no place in a table: subqueries, functions, groups.
 */
export function tableOf(
  world: QueryWorld,
  soql: string,
): { readonly object: ObjectSchema; readonly columns: readonly string[] } {
  const query = parse(soql);
  refuseClauses(query);
  const object = objectOf(world.schema, query.sObject ?? "");
  const scope: Scope = { ...world, object, alias: query.sObjectAlias };
  compileFilter(scope, query.where);
  const fields = (query.fields ?? []).flatMap((field) => expand(scope, query, field));
  const columns = fields.map((field) => {
    if (field.type !== "Field" && field.type !== "FieldRelationship") {
      throw refuse("MALFORMED_QUERY", `not supported in bulk queries: ${field.type}`);
    }
    const names = field.type === "Field" ? [field.field] : [...field.relationships, field.field];
    const path = resolvePath(scope, names.join("."));
    return path.through === null ? path.field.name : `${path.through.relationship}.${path.field.name}`;
  });
  if (isAggregate(query)) throw refuse("MALFORMED_QUERY", "not supported in bulk queries: GROUP BY");
  return { object, columns };
}

function parse(soql: string): Query {
  try {
    return parseQuery(soql);
  } catch (cause) {
    throw refuse("MALFORMED_QUERY", (cause as Error).message);
  }
}

function refuseClauses(query: QueryBase): void {
  const clauses = [
    "usingScope",
    "having",
    "withDataCategory",
    "withSecurityEnforced",
    "withAccessLevel",
    "for",
    "update",
  ];
  const present = clauses.find((name) => query[name as keyof QueryBase] !== undefined);
  if (present !== undefined)
    throw refuse("MALFORMED_QUERY", `clause is not imitated by this simulator: ${present}`);
}

function objectOf(schema: Schema, name: string): ObjectSchema {
  const object = schema.object(name);
  if (object?.kind === "object") return object;
  const hint =
    "If you are attempting to use a custom object, be sure to append the '__c' after the entity name.";
  throw refuse("INVALID_TYPE", `sObject type '${name}' is not supported. ${hint}`);
}

function visible({ store, all }: QueryWorld, object: ObjectSchema): readonly Row[] {
  return store.rows(object).filter(({ values }) => all || values.IsDeleted !== true);
}

/** What one selected column adds to a record. */
type Column = (row: Row, record: Record<string, unknown>) => void;

function columnsOf(world: QueryWorld, scope: Scope, query: QueryBase): readonly Column[] {
  const named = (query.fields ?? []).flatMap((field) => expand(scope, query, field));
  return named.map((field) => columnOf(world, scope, field));
}

/** `FIELDS(ALL)` is every field; Salesforce wants a LIMIT of at most 200 with it. */
function expand({ object }: Scope, query: QueryBase, field: NamedField): readonly NamedField[] {
  if (field.type !== "FieldFunctionExpression" || field.functionName.toUpperCase() !== "FIELDS")
    return [field];
  const which = String(field.parameters[0]).toUpperCase();
  if (which !== "STANDARD" && (query.limit ?? Number.POSITIVE_INFINITY) > 200) {
    throw refuse("MALFORMED_QUERY", "The SOQL FIELDS function must have a LIMIT of at most 200");
  }
  return object.fields
    .filter(({ name }) => which === "ALL" || name.endsWith("__c") === (which === "CUSTOM"))
    .map(({ name }) => ({ type: "Field", field: name }));
}

function columnOf(world: QueryWorld, scope: Scope, field: NamedField): Column {
  switch (field.type) {
    case "Field":
      return fieldColumn(world, scope, resolvePath(scope, field.field));
    case "FieldRelationship":
      return fieldColumn(world, scope, resolvePath(scope, [...field.relationships, field.field].join(".")));
    case "FieldSubquery":
      return childColumn(world, scope, field.subquery);
    default:
      throw refuse("MALFORMED_QUERY", `column is not imitated by this simulator: ${field.type}`);
  }
}

function fieldColumn({ schema, store, base }: QueryWorld, _scope: Scope, path: Path): Column {
  const { field, through } = path;
  if (through === null) {
    return (row, record) => {
      record[field.name] = shownField(field, path.read(row));
    };
  }
  const name = through.relationship as string;
  const target = schema.object(through.references as string) as ObjectSchema;
  return (row, record) => {
    const parent = parentOf(store, target, row, through);
    const shown = (record[name] as Record<string, unknown> | null | undefined) ?? null;
    if (parent === undefined) record[name] = null;
    else
      record[name] = {
        ...(shown ?? attributesOf(base, parent)),
        [field.name]: shownField(field, path.read(row)),
      };
  };
}

function childColumn(world: QueryWorld, scope: Scope, query: Subquery): Column {
  refuseClauses(query);
  if (query.fields?.some(({ type }) => type === "FieldSubquery")) {
    throw refuse("MALFORMED_QUERY", "subqueries inside subqueries are not supported");
  }
  const child = world.schema.children(scope.object, query.relationshipName);
  if (child === undefined) {
    throw refuse(
      "INVALID_TYPE",
      `Didn't understand relationship '${query.relationshipName}' in FROM part of query call.`,
    );
  }
  const inner: Scope = { ...world, object: child.object, alias: query.sObjectAlias };
  const filter = compileFilter(inner, query.where);
  const columns = columnsOf(world, inner, query);
  // Grouped once per query: a filter per parent would read the whole table for each.
  const byParent = Map.groupBy(
    visible(world, child.object).filter(filter),
    (row) => row.values[child.field.name],
  );
  return (row, record) => {
    const rows = page(sorted(inner, byParent.get(row.id) ?? [], query.orderBy), query);
    const records = rows.map((one) => recordOf(world, one, columns));
    record[query.relationshipName] =
      records.length === 0 ? null : { totalSize: records.length, done: true, records };
  };
}

export function attributesOf(base: string, { object, id }: Row): { attributes: object } {
  return { attributes: { type: object.name, url: `${base}/sobjects/${object.name}/${id}` } };
}

function recordOf({ base }: QueryWorld, row: Row, columns: readonly Column[]): object {
  const record: Record<string, unknown> = { ...attributesOf(base, row) };
  for (const add of columns) add(row, record);
  return record;
}

function page<Item>(items: readonly Item[], { offset = 0, limit }: QueryBase): readonly Item[] {
  return items.slice(offset, limit === undefined ? undefined : offset + limit);
}

/** Without ORDER BY in order of creation, which Salesforce does not promise. Null first unless told otherwise, whatever the direction. */
function sorted(
  scope: Scope,
  rows: readonly Row[],
  orderBy: OrderByClause | OrderByClause[] | undefined,
): readonly Row[] {
  const orders = [orderBy ?? []].flat().map((clause) => {
    if (!("field" in clause)) throw refuse("MALFORMED_QUERY", "ORDER BY a function is for grouped queries");
    return { path: resolvePath(scope, clause.field), ...clause };
  });
  if (orders.length === 0) return rows;
  return rows.toSorted((a, b) => {
    for (const { path, order, nulls } of orders) {
      const [left, right] = [path.read(a), path.read(b)];
      if (left === null || right === null) {
        if (left !== right) return (left === null) === (nulls !== "LAST") ? -1 : 1;
        continue;
      }
      const compared = compareValues(left, right);
      if (compared !== 0) return order === "DESC" ? -compared : compared;
    }
    return 0;
  });
}
