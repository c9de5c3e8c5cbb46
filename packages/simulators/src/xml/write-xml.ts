const special = /[&<>"]/g;
const written: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Text fit to stand in an element or an attribute. */
export function xmlText(text: string): string {
  return /[&<>"]/.test(text) ? text.replace(special, (sign) => written[sign] as string) : text;
}

/** `<name>text</name>`, or `<name/>` when there is no text. */
export function element(name: string, text: string): string {
  return text === "" ? `<${name}/>` : `<${name}>${xmlText(text)}</${name}>`;
}
