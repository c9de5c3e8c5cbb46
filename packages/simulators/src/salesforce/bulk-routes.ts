import { ApiError, notFound, refuse } from "./api-error.ts";
import {
  type BulkJob,
  csvOf,
  type IngestJob,
  ingestOperations,
  type JobState,
  jobInfo,
  processIngest,
  type QueryJob,
} from "./bulk-job.ts";
import { type DelimiterName, delimiters } from "./csv.ts";
import { jsonObjectOf, type RestAnswer, type RestCall, type RestRoute } from "./rest-call.ts";
import type { ObjectSchema } from "./schema.ts";
import { runQuery, tableOf } from "./soql.ts";

/** How long a job waits and works, by the simulator's clock: long enough that a client has to ask again. */
const waitMs = 50;
const workMs = 50;
const pageRecords = 50_000;
const csvType = { "content-type": "text/csv" };

/** Bulk API 2.0: whole files in, whole results out, while the client asks how far it is. */
export const bulkRoutes: readonly RestRoute[] = [
  { method: "POST", path: "jobs/ingest", operation: () => "open-bulk-job", handle: openIngest },
  { method: "PUT", path: "jobs/ingest/:id/batches", operation: () => "upload-bulk-data", handle: upload },
  { method: "PATCH", path: "jobs/ingest/:id", operation: () => "process-bulk-job", handle: endUpload },
  ...(["ingest", "query"] as const).flatMap((kind): readonly RestRoute[] => [
    {
      method: "GET",
      path: `jobs/${kind}/:id`,
      operation: () => "read-bulk-job",
      handle: (call) => ({ status: 200, body: jobInfo(jobOf(call, kind)) }),
    },
    {
      method: "DELETE",
      path: `jobs/${kind}/:id`,
      operation: () => "delete-bulk-job",
      handle: (call) => remove(call, kind),
    },
  ]),
  result("successfulResults", (job) => [["sf__Id", "sf__Created", ...job.header], ...job.succeeded]),
  result("failedResults", (job) => [["sf__Id", "sf__Error", ...job.header], ...job.failed]),
  result("unprocessedrecords", (job) => [job.header, ...job.unprocessed]),
  { method: "POST", path: "jobs/query", operation: () => "open-bulk-job", handle: openQuery },
  {
    method: "PATCH",
    path: "jobs/query/:id",
    operation: () => "delete-bulk-job",
    handle(call) {
      const job = jobOf(call, "query");
      abort(job, jsonObjectOf(call).state);
      return { status: 200, body: jobInfo(job) };
    },
  },
  { method: "GET", path: "jobs/query/:id/results", operation: () => "read-bulk-job", handle: queryResults },
];

function openIngest(call: RestCall): RestAnswer {
  const given = jsonObjectOf(call);
  const object = objectOf(call, given.object);
  const operation = ingestOperations.find((one) => one === given.operation);
  if (operation === undefined) throw refuse("API_ERROR", `unknown operation: ${String(given.operation)}`);
  const field = call.org.schema.field(object, String(given.externalIdFieldName ?? ""));
  const canUpsertBy = field?.externalId === true || field?.type === "id";
  if (operation === "upsert" && !canUpsertBy) {
    throw refuse("INVALIDJOB", "InvalidJob : external ID was not specified or is none of the object");
  }
  const job: IngestJob = {
    ...shared(call, given),
    kind: "ingest",
    object,
    operation,
    externalId: operation === "upsert" ? (field ?? null) : null,
    state: "Open",
    data: null,
    header: [],
    succeeded: [],
    failed: [],
    unprocessed: [],
    errorMessage: null,
  };
  call.org.bulkJobs.set(job.id, job);
  return { status: 200, body: jobInfo(job) };
}

function upload(call: RestCall): RestAnswer {
  const job = jobOf(call, "ingest");
  if (job.state !== "Open") throw wrongState(job);
  if (call.body.mediaType !== "text/csv") {
    throw new ApiError(415, { errorCode: "UNSUPPORTED_MEDIA_TYPE", message: "text/csv is expected" });
  }
  if (job.data !== null) throw refuse("INVALIDBATCH", "InvalidBatch : a job takes its data in one request");
  job.data = call.body.text;
  return { status: 201 };
}

function endUpload(call: RestCall): RestAnswer {
  const job = jobOf(call, "ingest");
  const { state } = jsonObjectOf(call);
  if (state !== "UploadComplete") {
    abort(job, state);
    return { status: 200, body: jobInfo(job) };
  }
  if (job.state !== "Open") throw wrongState(job);
  job.state = "UploadComplete";
  // As it is now: its answer must not show what comes later.
  const body = jobInfo(job);
  call.later(waitMs, () => {
    if (job.state === "UploadComplete") job.state = "InProgress";
  });
  call.later(waitMs + workMs, (transact) => {
    if (job.state === "InProgress") processIngest(job, call.org.schema, transact);
  });
  return { status: 200, body };
}

function openQuery(call: RestCall): RestAnswer {
  const given = jsonObjectOf(call);
  const operation = given.operation === "queryAll" ? "queryAll" : "query";
  const query = String(given.query ?? "");
  const { org, base } = call;
  const world = () => ({
    schema: org.schema,
    store: org.store,
    now: org.now(),
    base,
    all: operation === "queryAll",
  });
  // What cannot be run is refused at once.
  const { object } = tableOf(world(), query);
  const job: QueryJob = {
    ...shared(call, given),
    kind: "query",
    object,
    operation,
    query,
    state: "UploadComplete",
    header: [],
    rows: [],
  };
  org.bulkJobs.set(job.id, job);
  const body = jobInfo(job);
  call.later(waitMs, () => {
    if (job.state === "UploadComplete") job.state = "InProgress";
  });
  call.later(waitMs + workMs, () => {
    if (job.state !== "InProgress") return;
    const table = tableOf(world(), query);
    job.header = table.columns;
    job.rows = runQuery(world(), query).records.map((record) =>
      table.columns.map((column) => cellOf(record, column)),
    );
    job.state = "JobComplete";
  });
  return { status: 200, body };
}

function cellOf(record: object, column: string): string {
  let value: unknown = record;
  for (const step of column.split(".")) value = (value as Record<string, unknown> | null | undefined)?.[step];
  return value === null || value === undefined ? "" : String(value);
}

/** In pages: the locator is the text `null` on the last. */
function queryResults(call: RestCall): RestAnswer {
  const job = jobOf(call, "query");
  if (job.state !== "JobComplete") throw wrongState(job);
  const wanted = Number(call.query.get("maxRecords") ?? pageRecords);
  const start = startOf(call.query.get("locator"));
  if (!Number.isInteger(wanted) || wanted < 1 || start === null || start > job.rows.length) {
    throw refuse("INVALID_QUERY_LOCATOR", "invalid query locator");
  }
  const end = start + Math.min(wanted, pageRecords);
  const headers = {
    ...csvType,
    "sforce-numberofrecords": String(job.rows.slice(start, end).length),
    "sforce-locator": end < job.rows.length ? Buffer.from(String(end)).toString("base64url") : "null",
  };
  return { status: 200, headers, body: csvOf(job, [job.header, ...job.rows.slice(start, end)]) };
}

function startOf(locator: string | null): number | null {
  if (locator === null) return 0;
  const text = Buffer.from(locator, "base64url").toString();
  return /^\d+$/.test(text) ? Number(text) : null;
}

function result(name: string, rows: (job: IngestJob) => readonly (readonly string[])[]): RestRoute {
  return {
    method: "GET",
    path: `jobs/ingest/:id/${name}`,
    operation: () => "read-bulk-job",
    handle(call) {
      const job = jobOf(call, "ingest");
      if (!["JobComplete", "Failed", "Aborted"].includes(job.state)) throw wrongState(job);
      return { status: 200, headers: csvType, body: csvOf(job, rows(job)) };
    },
  };
}

function remove(call: RestCall, kind: BulkJob["kind"]): RestAnswer {
  const job = jobOf(call, kind);
  if (job.state === "InProgress" || job.state === "Open") throw wrongState(job);
  call.org.bulkJobs.delete(job.id);
  return { status: 204 };
}

function abort(job: BulkJob, state: unknown): void {
  const unfinished: readonly JobState[] = ["Open", "UploadComplete", "InProgress"];
  if (state !== "Aborted" || !unfinished.includes(job.state)) throw wrongState(job);
  job.state = "Aborted";
}

function jobOf(call: RestCall, kind: "ingest"): IngestJob;
function jobOf(call: RestCall, kind: "query"): QueryJob;
function jobOf(call: RestCall, kind: BulkJob["kind"]): BulkJob;
function jobOf({ org, params }: RestCall, kind: BulkJob["kind"]): BulkJob {
  const job = org.bulkJobs.get(params.id ?? "");
  if (job?.kind !== kind) throw notFound();
  return job;
}

function wrongState({ state }: BulkJob): ApiError {
  return refuse("INVALIDJOBSTATE", `Job is in state ${state}`);
}

function objectOf({ org }: RestCall, name: unknown): ObjectSchema {
  const object = org.schema.object(String(name ?? ""));
  if (object?.kind === "object") return object;
  throw refuse("INVALIDENTITY", `Unable to find object: ${String(name)}`);
}

function shared(call: RestCall, given: Readonly<Record<string, unknown>>) {
  const { columnDelimiter = "COMMA", lineEnding = "LF" } = given;
  if (!Object.hasOwn(delimiters, String(columnDelimiter)) || !["LF", "CRLF"].includes(String(lineEnding))) {
    throw refuse("INVALIDJOB", "InvalidJob : unknown column delimiter or line ending");
  }
  return {
    id: call.org.newJobId(),
    createdById: call.user.id,
    createdDate: new Date(call.org.now()).toISOString().replace("Z", "+0000"),
    apiVersion: Number(/v(\d+)/.exec(call.base)?.[1]),
    columnDelimiter: columnDelimiter as DelimiterName,
    lineEnding: lineEnding as "LF" | "CRLF",
  };
}
