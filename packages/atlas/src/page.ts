/** A page before it is Markdown or HTML. One source for both, so that they cannot say different things. */
export interface Page {
  /** Path without an ending, such as `treaties/ledger`; `index` is the first page. */
  readonly path: string;
  readonly title: string;
  /** One sentence under the title. */
  readonly says: string;
  /** Title of the navigation's group. */
  readonly group: string;
  readonly blocks: readonly Block[];
}

export type Block =
  | { readonly is: "heading"; readonly text: string }
  | { readonly is: "text"; readonly text: Inline }
  | { readonly is: "list"; readonly items: readonly Inline[] }
  | Table
  /** `name`: what a reader who hears the page is told it is. */
  | { readonly is: "code"; readonly language: string; readonly name: string; readonly text: string }
  | Figure;

export interface Table {
  readonly is: "table";
  readonly name: string;
  readonly header: readonly string[];
  /** The first cell names its row. */
  readonly rows: readonly (readonly Inline[])[];
}

export interface Figure {
  readonly is: "figure";
  /** Path of the SVG beside the pages. */
  readonly file: string;
  readonly svg: string;
  /** What the picture says, in words. */
  readonly alt: string;
}

/** Text, in which `backticks` mark code, or parts that follow each other. */
export type Inline = string | Link | readonly (string | Link)[];

export interface Link {
  readonly text: string;
  /** Path of a page, or of a file beside the pages. */
  readonly to: string;
}

export interface Span {
  readonly text: string;
  readonly is: "text" | "code" | "link";
  readonly to?: string;
}

/** An inline text taken apart. Line breaks are spaces. */
export function spansOf(inline: Inline): Span[] {
  const parts = Array.isArray(inline) ? inline : [inline];
  return (parts as readonly (string | Link)[]).flatMap((part): Span[] => {
    if (typeof part !== "string") return [{ is: "link", text: part.text, to: part.to }];
    return part
      .replace(/\s*\n\s*/g, " ")
      .split(/(`[^`]+`)/)
      .filter((text) => text !== "")
      .map((text) =>
        /^`[^`]+`$/.test(text) ? { is: "code", text: text.slice(1, -1) } : { is: "text", text },
      );
  });
}

export const heading = (text: string): Block => ({ is: "heading", text });
export const text = (inline: Inline): Block => ({ is: "text", text: inline });
export const list = (items: readonly Inline[]): Block => ({ is: "list", items });
export const json = (name: string, value: unknown): Block => ({
  is: "code",
  language: "json",
  name,
  text: JSON.stringify(value, null, 2),
});
export function table(name: string, header: readonly string[], rows: readonly (readonly Inline[])[]): Table {
  return { is: "table", name, header, rows };
}

/** Several inline texts with commas between them. */
export function commas(items: readonly (string | Link)[]): Inline {
  return items.length === 0 ? "–" : items.flatMap((item, n) => (n === 0 ? [item] : [", ", item]));
}

/** The way from one page to another page or file. */
export function wayTo(from: string, to: string, nameOf: (path: string) => string): string {
  return "../".repeat(from.split("/").length - 1) + nameOf(to);
}
