/** The treaty with the system that takes orders, by the batch; right, and with one thing wrong at a time that only batches have. */
import type { Dispatch, HandOffTreaty, RowTranslation } from "@entente/core";
import { Type } from "typebox";
import { call, oddTreaty } from "./odd-treaty.fixture.ts";

const Rows = Type.Optional(
  Type.Array(
    Type.Object({
      key: Type.String(),
      status: Type.Optional(Type.String()),
      code: Type.Optional(Type.String()),
    }),
  ),
);

interface SaidRow {
  readonly key: string;
  readonly status?: string;
  readonly code?: string;
}

function rowSaid({ key, status, code }: SaidRow): RowTranslation {
  if (code !== undefined) return { key, says: "code", code };
  if (status === "DONE") return { key, says: "completed" };
  if (status === "NONE") return { key, says: "not-known" };
  throw new Error(`no such status of a row: ${String(status)}`);
}

export function oddBatchTreaty(url: string, bug: string): HandOffTreaty {
  const single = oddTreaty(url);
  if (single.callback === undefined) throw new Error("it has callbacks");
  const treaty: HandOffTreaty = {
    ...single,
    name: "odd-order-batches",
    batch: { rowsAllowed: 20 },
    output: Type.Object({ status: Type.String(), reference: Type.Optional(Type.String()), rows: Rows }),
    send({ idempotencyKey: key, tenantId, rows }, means) {
      const sent = rows.map((row) => ({ key: row.idempotencyKey, ...(row.data as object) }));
      return call(url, "POST", "/batches", { key, tenantId, rows: sent }, means);
    },
    inquire({ rowKeys }, means) {
      const query = new URLSearchParams(rowKeys.map((key) => ["row", key]));
      return call(url, "GET", `/batches?${query}`, null, means);
    },
    translate(reply, of) {
      const rows = (reply.body as { rows?: readonly SaidRow[] } | null)?.rows;
      const whole = single.translate(reply, of);
      return rows === undefined ? whole : { ...whole, rows: rows.map(rowSaid) };
    },
    callback: {
      ...single.callback,
      schema: Type.Object({
        tenantId: Type.String(),
        key: Type.String(),
        id: Type.String(),
        status: Type.String(),
        rows: Rows,
      }),
    },
  };
  const planted = batchBugs[bug as BatchBug];
  return planted === undefined ? treaty : planted(treaty);
}

export const batchBugs = {
  "gives all rows one key": (treaty: HandOffTreaty): HandOffTreaty => ({
    ...treaty,
    send: (dispatch, means) =>
      treaty.send(
        {
          ...dispatch,
          rows: dispatch.rows.map((row) => ({ ...row, idempotencyKey: dispatch.idempotencyKey })),
        },
        means,
      ),
  }),
  "takes refused rows for done": (treaty: HandOffTreaty): HandOffTreaty => ({
    ...treaty,
    translate(reply, of) {
      const { rows, ...said } = treaty.translate(reply, of);
      if (rows === undefined) return said;
      return {
        ...said,
        rows: rows.map((row) => (row.says === "code" ? { key: row.key, says: "completed" } : row)),
      };
    },
  }),
  /** What it did not ask about it says they do not have. */
  "asks about the first row only": (treaty: HandOffTreaty): HandOffTreaty => ({
    ...treaty,
    async inquire(question, means) {
      const [first = "", ...others] = question.rowKeys;
      const reply = await treaty.inquire({ ...question, rowKeys: [first] }, means);
      const { rows } = reply.body as { rows: readonly SaidRow[] };
      return { ...reply, body: { ...(reply.body as object), rows: [...rows, ...others.map(missing)] } };
    },
  }),
  "sends rows again that have happened": (given: HandOffTreaty): HandOffTreaty => {
    const sent = new Map<string, Dispatch["rows"]>();
    return {
      ...given,
      send(dispatch, means) {
        const rows = sent.get(dispatch.handOffId) ?? (dispatch.rows as Dispatch["rows"]);
        sent.set(dispatch.handOffId, rows);
        return given.send({ ...dispatch, rows }, means);
      },
    };
  },
} as const;

export type BatchBug = keyof typeof batchBugs;

function missing(key: string): SaidRow {
  return { key, status: "NONE" };
}
