/** IDocs as they arrive: XML over HTTP, or flat files of fixed-width records. */
import type { XmlValue } from "../../xml/plain-xml.ts";
import { child, children, readXml, textOf } from "../../xml/read-xml.ts";
import {
  controlRecord,
  dataRecord,
  type Fields,
  type Layout,
  readRecord,
  segments,
  widthOf,
  writeRecord,
} from "./record-layout.ts";

export interface Segment {
  /** `E1BPACHE09` */
  readonly name: string;
  readonly fields: Fields;
}

export interface ReceivedIdoc {
  /** Fields of EDI_DC40. */
  readonly control: Fields;
  /** In order of arrival. */
  readonly segments: readonly Segment[];
  /** What is wrong with its form: it is stored and goes no further. */
  readonly syntaxError: string | null;
}

/** The IDocs of an XML document, or why there are none. */
export function readIdocXml(text: string): readonly ReceivedIdoc[] | string {
  const document = readXml(text);
  if (document === null) return "XML document is not well-formed";
  const [root] = Object.values(document);
  if (root === undefined || typeof root === "string" || Array.isArray(root))
    return "The document holds no IDOC";
  const received: ReceivedIdoc[] = [];
  for (const idoc of children(root, "IDOC")) {
    const control = typeof idoc === "object" ? child(idoc, "EDI_DC40") : undefined;
    if (typeof idoc === "string" || control === undefined) return "An IDOC has no EDI_DC40";
    const list: Segment[] = [];
    for (const [name, found] of Object.entries(idoc)) {
      if (name === "EDI_DC40" || name.startsWith("@")) continue;
      for (const one of Array.isArray(found) ? found : [found]) list.push({ name, fields: fieldsOf(one) });
    }
    received.push(checked({ control: fieldsOf(control), segments: list }));
  }
  return received.length === 0 ? "The document holds no IDOC" : received;
}

function fieldsOf(value: XmlValue): Fields {
  if (typeof value === "string") return {};
  return Object.fromEntries(
    Object.keys(value)
      .filter((name) => !name.startsWith("@"))
      .map((name) => [name, textOf(value, name)]),
  );
}

/** The IDocs of a flat file, one record a line, or why it cannot be read. One bad line rejects the whole file. */
export function readFlatFile(text: string): readonly ReceivedIdoc[] | string {
  const controlWidth = widthOf(controlRecord);
  const open: { readonly control: Fields; readonly segments: Segment[] }[] = [];
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line === "") continue;
    if (line.startsWith("EDI_DC40")) {
      if (line.length !== controlWidth)
        return `Line ${i + 1}: EDI_DC40 has ${line.length} characters, not ${controlWidth}`;
      open.push({ control: readRecord(line, controlRecord), segments: [] });
      continue;
    }
    const idoc = open.at(-1);
    if (idoc === undefined) return `Line ${i + 1}: the first record is no EDI_DC40`;
    if (line.length < 63 || line.length > widthOf(dataRecord)) {
      return `Line ${i + 1}: a data record has 63 to ${widthOf(dataRecord)} characters, not ${line.length}`;
    }
    const record = readRecord(line, dataRecord);
    const name = segmentName(record.SEGNAM ?? "");
    const data = line.slice(63);
    idoc.segments.push({ name, fields: readRecord(data, layoutOf(name) ?? [["SDATA", 1000]]) });
  }
  return open.length === 0 ? "The file holds no EDI_DC40" : open.map(checked);
}

function layoutOf(segment: string): Layout | undefined {
  return Object.hasOwn(segments, segment) ? segments[segment] : undefined;
}

/** Files carry the external name with its version: `E2BPACHE09002` is the segment E1BPACHE09. */
function segmentName(external: string): string {
  const internal = external.replace(/^E2/, "E1");
  if (layoutOf(internal) !== undefined) return internal;
  const withoutVersion = internal.replace(/\d{3}$/, "");
  return layoutOf(withoutVersion) === undefined ? internal : withoutVersion;
}

function checked(idoc: Omit<ReceivedIdoc, "syntaxError">): ReceivedIdoc {
  return { ...idoc, syntaxError: syntaxErrorOf(idoc) };
}

function syntaxErrorOf({ control, segments: list }: Omit<ReceivedIdoc, "syntaxError">): string | null {
  if (control.TABNAM !== "EDI_DC40") return "TABNAM is not EDI_DC40";
  if (control.DIRECT !== "2") return "DIRECT is not 2 (inbound)";
  if (control.MESTYP !== "ACC_DOCUMENT" || !/^ACC_DOCUMENT0[345]$/.test(control.IDOCTYP ?? "")) {
    return `No inbound function for message ${control.MESTYP ?? ""}, basic type ${control.IDOCTYP ?? ""}`;
  }
  const stranger = list.find(({ name }) => layoutOf(name) === undefined);
  if (stranger !== undefined) return `Segment ${stranger.name} is unknown in ${control.IDOCTYP}`;
  return list.filter(({ name }) => name === "E1BPACHE09").length === 1
    ? null
    : "Segment E1BPACHE09 must occur once";
}

/** The flat file of some IDocs: one record a line, each line ended. */
export function writeFlatFile(idocs: readonly Pick<ReceivedIdoc, "control" | "segments">[]): string {
  return idocs
    .flatMap(({ control, segments: list }) => [
      writeRecord({ TABNAM: "EDI_DC40", ...control }, controlRecord),
      ...list.map(({ name, fields }, i) =>
        writeRecord(
          {
            SEGNAM: name.replace(/^E1/, "E2"),
            MANDT: control.MANDT ?? "",
            DOCNUM: control.DOCNUM ?? "",
            SEGNUM: String(i + 1).padStart(6, "0"),
            PSGNUM: "000000",
            HLEVEL: "02",
            SDATA: writeRecord(fields, layoutOf(name) ?? []),
          },
          dataRecord,
        ),
      ),
    ])
    .map((line) => `${line}\n`)
    .join("");
}
