import { refuse } from "./api-error.ts";
import type { RestAnswer, RestCall, RestRoute } from "./rest-call.ts";
import { runQuery } from "./soql.ts";

const pageDefault = 2_000;

/** Queries, and the pages that follow the first. */
export const queryRoutes: readonly RestRoute[] = [
  { method: "GET", path: "query", operation: () => "query", handle: (call) => query(call, false) },
  { method: "GET", path: "queryAll", operation: () => "query-all", handle: (call) => query(call, true) },
  // One that began under queryAll goes on here too.
  { method: "GET", path: "query/:locator", operation: () => "query-more", handle: more },
  { method: "GET", path: "queryAll/:locator", operation: () => "query-more", handle: more },
];

function query(call: RestCall, all: boolean): RestAnswer {
  const soql = call.query.get("q");
  if (soql === null) throw refuse("MALFORMED_QUERY", "A query string has to be specified");
  const { schema, store, cursors, now } = call.org;
  const { records, totalSize } = runQuery({ schema, store, now: now(), base: call.base, all }, soql);
  const pageSize = pageSizeOf(call.headers["sforce-query-options"]);
  if (records.length <= pageSize) return { status: 200, body: { totalSize, done: true, records } };
  const locator = cursors.keep(records, pageSize);
  return {
    status: 200,
    body: {
      totalSize,
      done: false,
      nextRecordsUrl: `${call.base}/query/${locator}`,
      records: records.slice(0, pageSize),
    },
  };
}

function more(call: RestCall): RestAnswer {
  const { records, totalSize, next } = call.org.cursors.page(call.params.locator ?? "");
  const following = next === null ? {} : { nextRecordsUrl: `${call.base}/query/${next}` };
  return { status: 200, body: { totalSize, done: next === null, ...following, records } };
}

/** 200 to 2,000; to Salesforce only a hint, which this simulator follows. */
function pageSizeOf(options: string | undefined): number {
  const wanted = /batchSize\s*=\s*(\d+)/i.exec(options ?? "")?.[1];
  return wanted === undefined ? pageDefault : Math.min(Math.max(Number(wanted), 200), pageDefault);
}
