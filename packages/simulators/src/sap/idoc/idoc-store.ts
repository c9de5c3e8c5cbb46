/** IDocs received, and how far each has come. */
import { compactDay, compactTime } from "../calendar.ts";
import type { LogItem } from "../ledger/log-item.ts";
import type { ReceivedIdoc } from "./read-idoc.ts";
import { statusRecord, writeRecord } from "./record-layout.ts";

/** 50 added, 56 added with errors, 60 syntax error, 64 ready, 62 passed to the application, 53 posted, 51 not posted. */
export type IdocStatus = "50" | "56" | "60" | "64" | "62" | "53" | "51";

/** Which status may follow which. 51 and 53 both end a processing; only 51 may be processed again, by hand. */
const following: Readonly<Record<IdocStatus, readonly IdocStatus[]>> = {
  "50": ["64", "60", "56"],
  "56": [],
  "60": [],
  "64": ["62"],
  "62": ["53", "51"],
  "53": [],
  "51": ["64"],
};

const texts: Readonly<Record<IdocStatus, string>> = {
  "50": "IDoc added",
  "56": "IDoc with errors added",
  "60": "Error during syntax check of IDoc (inbound)",
  "64": "IDoc ready to be transferred to application",
  "62": "IDoc passed to application",
  "53": "Application document posted",
  "51": "Application document not posted",
};

export interface StatusEntry {
  readonly status: IdocStatus;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly text: string;
  /** `507(F5)`, or empty. */
  readonly message: string;
  readonly values: readonly string[];
}

export interface StoredIdoc {
  readonly docnum: string;
  readonly received: ReceivedIdoc;
  /** Oldest first; never empty. */
  readonly history: readonly StatusEntry[];
  /** Object key of the document posted. */
  readonly document: string | null;
}

export interface IdocStore {
  /** Adds one and brings it to 64, or to 60 when its form is wrong. Nothing is compared with those that are here: each is new. */
  add(received: ReceivedIdoc, now: number): StoredIdoc;
  find(docnum: string): StoredIdoc | undefined;
  all(): readonly StoredIdoc[];
  /** Moves one on. Errors: RangeError when the step does not exist. */
  move(docnum: string, status: IdocStatus, now: number, item?: LogItem, document?: string): void;
}

export function openIdocStore(): IdocStore {
  const idocs = new Map<
    string,
    { docnum: string; received: ReceivedIdoc; history: StatusEntry[]; document: string | null }
  >();

  function move(docnum: string, status: IdocStatus, now: number, item?: LogItem, document?: string): void {
    const idoc = idocs.get(docnum);
    const last = idoc?.history.at(-1)?.status;
    if (idoc === undefined || (last !== undefined && !following[last].includes(status))) {
      throw new RangeError(`IDoc ${docnum} cannot go from ${last} to ${status}`);
    }
    idoc.history.push({
      status,
      at: now,
      text: item?.note ?? texts[status],
      message: item?.typeId ?? "",
      values: item?.values ?? [],
    });
    idoc.document = document ?? idoc.document;
  }

  return {
    add(received, now) {
      const docnum = String(idocs.size + 1).padStart(16, "0");
      const idoc = { docnum, received, history: [], document: null };
      idocs.set(docnum, idoc);
      move(docnum, "50", now);
      if (received.syntaxError === null) move(docnum, "64", now);
      else
        move(docnum, "60", now, { typeId: "079(E0)", severity: 3, note: received.syntaxError, values: [] });
      return idoc;
    },
    find: (docnum) => idocs.get(docnum.padStart(16, "0")),
    all: () => [...idocs.values()],
    move,
  };
}

export function statusOf(idoc: StoredIdoc): IdocStatus {
  return (idoc.history.at(-1) as StatusEntry).status;
}

/** The status file of some IDocs: one EDI_DS40 record a line, for statuses later than `after` (epoch milliseconds). */
export function writeStatusFile(idocs: readonly StoredIdoc[], client: string, after: number): string {
  let file = "";
  for (const { docnum, received, history } of idocs) {
    for (const { status, at, text, message, values } of history) {
      if (at <= after) continue;
      const cut = (width: number, value = "") => value.slice(0, width);
      const record = {
        TABNAM: "EDI_DS40",
        MANDT: client,
        DOCNUM: docnum,
        LOGDAT: compactDay(at),
        LOGTIM: compactTime(at),
        STATUS: status,
        STAMQU: message === "" ? "" : "SAP",
        STAMID: message.slice(4, -1),
        STAMNO: message.slice(0, 3),
        STATYP: message === "" ? "" : status === "53" ? "S" : "E",
        STAPA1: cut(50, values[0]),
        STAPA2: cut(50, values[1]),
        STAPA3: cut(50, values[2]),
        STAPA4: cut(50, values[3]),
        STATXT: cut(70, text),
        REFMES: cut(14, received.control.REFMES),
        ARCKEY: cut(70, received.control.ARCKEY),
      };
      file += `${writeRecord(record, statusRecord)}\n`;
    }
  }
  return file;
}
