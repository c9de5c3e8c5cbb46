import { XMLParser, XMLValidator } from "fast-xml-parser";
import { attributeMark, readPlainXml, textName, type XmlElement, type XmlValue } from "./plain-xml.ts";

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: attributeMark,
  textNodeName: textName,
  removeNSPrefix: true,
  ignoreDeclaration: true,
  ignorePiTags: true,
  parseTagValue: false,
  parseAttributeValue: false,
  processEntities: true,
});

/**
 * Reads a message: names without prefixes, text trimmed, everything as text.
 * Returns null when it is not well-formed, or declares a document type (entities from outside are nobody's business).
 */
export function readXml(text: string): XmlElement | null {
  const bare = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  const plain = readPlainXml(bare);
  if (plain !== null) return plain;
  if (/<!DOCTYPE/i.test(bare) || XMLValidator.validate(bare) !== true) return null;
  try {
    const element = parser.parse(bare) as XmlElement;
    return Object.keys(element).length === 1 ? element : null;
  } catch {
    // It has limits of its own, and names it does not take.
    return null;
  }
}

/** The child elements of a name; none when there is none. */
export function children(parent: XmlElement, name: string): readonly XmlValue[] {
  const found = parent[name];
  return found === undefined ? [] : Array.isArray(found) ? found : [found];
}

/** The first child of a name as an element; undefined when it is absent or only text. */
export function child(parent: XmlElement, name: string): XmlElement | undefined {
  const found = parent[name];
  const first = Array.isArray(found) ? found[0] : found;
  return typeof first === "object" ? first : undefined;
}

/** The text of the first child of a name; empty when there is none. */
export function textOf(parent: XmlElement, name: string): string {
  const found = parent[name];
  const first = Array.isArray(found) ? found[0] : found;
  if (first === undefined) return "";
  if (typeof first === "string") return first;
  const text = first[textName];
  return typeof text === "string" ? text : "";
}

/** An attribute of a child. */
export function attributeOf(parent: XmlElement, name: string, attribute: string): string {
  const value = child(parent, name)?.[attributeMark + attribute];
  return typeof value === "string" ? value : "";
}
