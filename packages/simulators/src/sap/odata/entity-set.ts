/** What a service offers: entity sets with their properties, read from the world behind them. */

export type EdmType =
  | "Edm.String"
  | "Edm.Boolean"
  | "Edm.Int32"
  | "Edm.Decimal"
  | "Edm.DateTime"
  | "Edm.DateTimeOffset";

/** Decimals as text, dates as epoch milliseconds. */
export type EdmValue = string | number | boolean | null;
export type Row = Readonly<Record<string, EdmValue>>;

export interface Property {
  readonly type: EdmType;
  readonly maxLength?: number;
  readonly scale?: number;
  /** May a caller set it; only asked of sets that can be changed. */
  readonly writable?: boolean;
}

export interface EntitySet {
  readonly name: string;
  readonly typeName: string;
  readonly keys: readonly string[];
  readonly properties: Readonly<Record<string, Property>>;
  /** Rows to look through; `among` holds the values that the filter demands of some properties, for whoever has an index. */
  readonly rows: (among: ReadonlyMap<string, ReadonlySet<EdmValue>>) => Iterable<Row>;
  /** One row by its key values, in the order of `keys`. */
  readonly find: (key: readonly string[]) => Row | undefined;
  /** Weak ETag, e.g. `W/"'20261124'"`; absent: the set has none. */
  readonly etag?: (row: Row) => string;
  readonly write?: WritableSet;
}

/** A message with its class and number. */
export interface ServiceError {
  readonly status: number;
  /** `BP/401` */
  readonly number: string;
  readonly text: string;
  readonly property?: string;
}

/** What a request or a change set has done so far: undone when a later part fails, told of when all went well. */
export interface UnitOfWork {
  readonly undo: (() => void)[];
  readonly effects: { readonly operation: string; readonly key: string; readonly id: string }[];
  /** Warnings for the `sap-message` header. */
  readonly warnings: { readonly number: string; readonly text: string }[];
}

export interface WritableSet {
  /** What the caller knows a row by; of values that are not yet a row too. */
  keyOf(row: Row): string;
  create(values: Row, unit: UnitOfWork): Row | ServiceError;
  change(row: Row, values: Row, unit: UnitOfWork): Row | ServiceError;
}

export function isServiceError(value: Row | ServiceError): value is ServiceError {
  return typeof value.status === "number" && typeof value.number === "string";
}

export interface Service {
  /** `API_BUSINESS_PARTNER` */
  readonly name: string;
  readonly sets: readonly EntitySet[];
}
