/**
 * A strict reader for the XML that business messages consist of: elements, attributes, text and the five named or numeric entities.
 *
 * A general parser reads a posting of 500 entries at 7,000 to 9,000 entries a second on one core (fast-xml-parser 5.12, 1.4 KB an
 * entry, measured on the two-core machine of the benchmark), which is less than the ledger has to take. This one has the same result
 * for less work; whatever it does not know (comments, CDATA, document types) it leaves to the general parser.
 */

/** An element: text when it has nothing else, else its children by name without prefix; a repeated name holds an array. */
export type XmlValue = string | XmlElement;
export interface XmlElement {
  [name: string]: XmlValue | XmlValue[];
}

/** Text beside attributes, and the start of every attribute's name. */
export const textName = "#text";
export const attributeMark = "@";

interface Open {
  /** With its prefix, as the end tag must repeat it. */
  readonly tag: string;
  readonly name: string;
  readonly element: XmlElement;
  /** Whether it has children or attributes. */
  filled: boolean;
  text: string;
}

/** Null when the text is not well-formed, or has something that this reader leaves to the general one. */
export function readPlainXml(text: string): XmlElement | null {
  const root: Open = { tag: "", name: "", element: {}, filled: false, text: "" };
  const stack: Open[] = [root];
  let top = root;
  let at = 0;
  for (;;) {
    const open = text.indexOf("<", at);
    if (open === -1) break;
    if (open > at) top.text += text.slice(at, open);
    const close = text.indexOf(">", open);
    if (close === -1) return null;
    const first = text.charCodeAt(open + 1);
    if (first === slash) {
      if (stack.length === 1 || text.slice(open + 2, close).trimEnd() !== top.tag) return null;
      const value = contentOf(top);
      if (value === null) return null;
      stack.pop();
      const parent = stack[stack.length - 1] as Open;
      put(parent, top.name, value);
      top = parent;
    } else if (first === questionMark) {
      if (text.charCodeAt(close - 1) !== questionMark) return null;
    } else if (first === exclamation) {
      return null;
    } else {
      const empty = text.charCodeAt(close - 1) === slash;
      const child = openTag(text.slice(open + 1, empty ? close - 1 : close));
      if (child === null) return null;
      if (empty) put(top, child.name, child.filled ? child.element : "");
      else {
        stack.push(child);
        top = child;
      }
    }
    at = close + 1;
  }
  const complete = stack.length === 1 && text.slice(at).trim() === "" && root.text.trim() === "";
  return complete && Object.keys(root.element).length === 1 ? root.element : null;
}

const slash = 47;
const questionMark = 63;
const exclamation = 33;
const nameForm = /^[A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?$/;
const attributeForm = /\s+([A-Za-z_][\w.:-]*)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/y;
/** Messages repeat the same few dozen tags thousands of times. */
const knownNames = new Map<string, string>();

function openTag(source: string): Open | null {
  const known = knownNames.get(source);
  if (known !== undefined) return { tag: source, name: known, element: {}, filled: false, text: "" };
  const end = source.search(/\s/);
  const tag = end === -1 ? source : source.slice(0, end);
  if (!nameForm.test(tag)) return null;
  const name = withoutPrefix(tag);
  // An object literal has these already.
  if (name in Object.prototype) return null;
  if (end === -1 && knownNames.size < 2_000) knownNames.set(tag, name);
  const element: XmlElement = {};
  let filled = false;
  let at = end === -1 ? source.length : end;
  while (at < source.length && source.slice(at).trim() !== "") {
    attributeForm.lastIndex = at;
    const match = attributeForm.exec(source);
    if (match === null) return null;
    at = attributeForm.lastIndex;
    const attribute = match[1] as string;
    if (attribute === "xmlns" || attribute.startsWith("xmlns:")) continue;
    const value = decoded(match[2] ?? match[3] ?? "");
    if (value === null) return null;
    element[attributeMark + withoutPrefix(attribute)] = value;
    filled = true;
  }
  return { tag, name, element, filled, text: "" };
}

function withoutPrefix(name: string): string {
  return name.slice(name.indexOf(":") + 1);
}

function put(parent: Open, name: string, value: XmlValue): void {
  const { element } = parent;
  const present = element[name];
  parent.filled = true;
  if (present === undefined) element[name] = value;
  else if (Array.isArray(present)) present.push(value);
  else element[name] = [present, value];
}

function contentOf(open: Open): XmlValue | null {
  const text = decoded(open.text.trim());
  if (text === null) return null;
  if (!open.filled) return text;
  if (text !== "") open.element[textName] = text;
  return open.element;
}

const entity = /&(?:(lt|gt|amp|quot|apos)|#(\d{1,7})|#x([\da-fA-F]{1,6}));/g;
const named: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

function decoded(text: string): string | null {
  if (!text.includes("&")) return text;
  let count = 0;
  const result = text.replace(entity, (_, name?: string, decimal?: string, hex?: string) => {
    count += 1;
    if (name !== undefined) return named[name] as string;
    const point = decimal === undefined ? Number.parseInt(hex as string, 16) : Number(decimal);
    return point <= 0x10_ffff ? String.fromCodePoint(point) : "\ufffd";
  });
  return text.split("&").length - 1 === count ? result : null;
}
