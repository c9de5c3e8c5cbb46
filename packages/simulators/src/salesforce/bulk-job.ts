import { ApiError } from "./api-error.ts";
import { type DelimiterName, delimiters, readCsv, writeCsv } from "./csv.ts";
import type { Field, ObjectSchema, Schema } from "./schema.ts";
import {
  createRecord,
  deleteRecord,
  type Given,
  updateRecord,
  upsertRecord,
  type Writing,
} from "./writing.ts";

export type JobState = "Open" | "UploadComplete" | "InProgress" | "JobComplete" | "Failed" | "Aborted";
export const ingestOperations = ["insert", "update", "upsert", "delete", "hardDelete"] as const;

/** What both kinds of jobs have. */
interface Job {
  readonly id: string;
  readonly createdById: string;
  readonly createdDate: string;
  readonly apiVersion: number;
  readonly columnDelimiter: DelimiterName;
  readonly lineEnding: "LF" | "CRLF";
  state: JobState;
}

export interface IngestJob extends Job {
  readonly kind: "ingest";
  readonly object: ObjectSchema;
  readonly operation: (typeof ingestOperations)[number];
  readonly externalId: Field | null;
  data: string | null;
  header: readonly string[];
  succeeded: (readonly string[])[];
  failed: (readonly string[])[];
  unprocessed: readonly (readonly string[])[];
  errorMessage: string | null;
}

export interface QueryJob extends Job {
  readonly kind: "query";
  readonly object: ObjectSchema;
  readonly operation: "query" | "queryAll";
  readonly query: string;
  header: readonly string[];
  rows: readonly (readonly string[])[];
}

export type BulkJob = IngestJob | QueryJob;

/** Records written in one transaction, as Salesforce cuts up what it processes. */
const chunkRecords = 200;

/**
 * Processes an ingest job: each record succeeds or fails by itself. A column that the object does not have fails the job,
 * and leaves its records unprocessed.
 */
export function processIngest(
  job: IngestJob,
  schema: Schema,
  transact: (work: (writing: Writing) => void) => void,
): void {
  const [header = [], ...rows] = readCsv(job.data ?? "", delimiters[job.columnDelimiter]);
  job.header = header;
  const unknown = header.find((name) => !isColumn(schema, job.object, name));
  if (unknown !== undefined) {
    job.state = "Failed";
    job.errorMessage = `InvalidBatch : Field name not found : ${unknown}`;
    job.unprocessed = rows;
    return;
  }
  for (let start = 0; start < rows.length; start += chunkRecords) {
    transact((writing) => {
      for (const row of rows.slice(start, start + chunkRecords)) processRow(job, writing, row);
    });
  }
  job.state = "JobComplete";
}

function processRow(job: IngestJob, writing: Writing, row: readonly string[]): void {
  const savepoint = writing.transaction.savepoint();
  const id = row[job.header.findIndex((name) => name.toLowerCase() === "id")] ?? "";
  try {
    const { id: written, created } = writeRow(job, writing, row, id);
    job.succeeded.push([written, String(created), ...row]);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    writing.transaction.rollBack(savepoint);
    const { errorCode, message, fields } = error;
    job.failed.push([id, `${errorCode}:${message}:${fields.join(",")} --`, ...row]);
  }
}

function writeRow(
  { object, operation, externalId, header }: IngestJob,
  writing: Writing,
  row: readonly string[],
  id: string,
): { readonly id: string; readonly created: boolean } {
  const given = recordOf(header, row);
  switch (operation) {
    case "insert":
      return { id: createRecord(writing, object, given), created: true };
    case "update":
      return { id: updateRecord(writing, object, id, given), created: false };
    case "upsert": {
      const field = externalId as Field;
      if (field.type === "id") return upsertRecord(writing, object, { field, value: id }, given);
      const { [field.name]: value, ...rest } = given;
      return upsertRecord(writing, object, { field, value: String(value ?? "") }, rest);
    }
    default:
      return { id: deleteRecord(writing, object, id), created: false };
  }
}

/** An empty cell leaves its field alone, `#N/A` empties it, and `Account__r.Account_Key__c` is a reference by external id. */
function recordOf(header: readonly string[], row: readonly string[]): Given {
  const cells = header.flatMap((name, i): [string, unknown][] => {
    const cell = row[i] ?? "";
    if (cell === "" || name.toLowerCase() === "id") return [];
    const value = cell === "#N/A" ? null : cell;
    const [relationship = "", field] = name.split(".");
    return [field === undefined ? [name, value] : [relationship, { [field]: value }]];
  });
  return Object.fromEntries(cells);
}

function isColumn(schema: Schema, object: ObjectSchema, name: string): boolean {
  const [relationship = "", field] = name.split(".");
  if (field === undefined) return schema.field(object, name) !== undefined;
  const target = schema.object(schema.parent(object, relationship)?.references ?? "");
  return target !== undefined && schema.field(target, field) !== undefined;
}

export function csvOf({ columnDelimiter, lineEnding }: Job, rows: readonly (readonly string[])[]): string {
  return writeCsv(rows, delimiters[columnDelimiter], lineEnding === "LF" ? "\n" : "\r\n");
}

/** A job as its resource shows it. */
export function jobInfo(job: BulkJob): object {
  const { id, createdById, createdDate, apiVersion, columnDelimiter, lineEnding, state, operation, object } =
    job;
  const facts = {
    id,
    operation,
    object: object.name,
    createdById,
    createdDate,
    systemModstamp: createdDate,
    state,
    concurrencyMode: "Parallel",
    contentType: "CSV",
    apiVersion,
    lineEnding,
    columnDelimiter,
  };
  if (job.kind === "query")
    return { ...facts, jobType: "V2Query", numberRecordsProcessed: job.rows.length, retries: 0 };
  const { externalId, succeeded, failed, errorMessage } = job;
  return {
    ...facts,
    jobType: "V2Ingest",
    contentUrl: `services/data/v${apiVersion}.0/jobs/ingest/${id}/batches`,
    ...(externalId === null ? {} : { externalIdFieldName: externalId.name }),
    ...(errorMessage === null ? {} : { errorMessage }),
    numberRecordsProcessed: succeeded.length + failed.length,
    numberRecordsFailed: failed.length,
    retries: 0,
  };
}
