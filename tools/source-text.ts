/**
 * TypeScript source split into code, comments and literals, so that a rule about calls is not set off by a comment
 * and a rule about SQL looks at text only. A scanner, not a parser: TypeScript 7 has no parser that JavaScript can call.
 */
export interface SourceText {
  /** Same length and lines as the source: comments, templates and regular expressions blanked, strings kept. For reading imports. */
  readonly withStrings: string;
  /** Same length and lines as the source: comments and the text of literals blanked. For reading calls. */
  readonly code: string;
  readonly literals: readonly Literal[];
}

/** Text of a string, or of a template from one backtick to the other with its `${…}` parts as they stand. */
export interface Literal {
  readonly text: string;
  readonly line: number;
}

/** Where a `/` starts a regular expression rather than a division: after these, or after one of the words. */
const beforeRegExp =
  /(?:^|[=(,:;[!&|?{}+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else|void|delete|throw|await|yield))$/;

export function readSource(source: string): SourceText {
  const scanner = new Scanner(source);
  scanner.scanCode(false);
  return scanner.result();
}

class Scanner {
  private readonly source: string;
  private readonly withStrings: string[];
  private readonly code: string[];
  private readonly literals: Literal[] = [];
  private at = 0;

  constructor(source: string) {
    this.source = source;
    this.withStrings = source.split("");
    this.code = source.split("");
  }

  result(): SourceText {
    return { withStrings: this.withStrings.join(""), code: this.code.join(""), literals: this.literals };
  }

  /** Reads code up to the end of the source, or of the `${…}` it is inside. */
  scanCode(inTemplate: boolean): void {
    let braces = 0;
    while (this.at < this.source.length) {
      const char = this.source[this.at] as string;
      const next = this.source[this.at + 1];
      if (char === "/" && next === "/") {
        this.skipComment(this.endOf("\n", this.at));
      } else if (char === "/" && next === "*") {
        this.skipComment(this.endOf("*/", this.at + 2) + 2);
      } else if (char === '"' || char === "'") {
        this.scanQuoted(char);
      } else if (char === "`") {
        this.scanTemplate();
      } else if (char === "/" && beforeRegExp.test(this.codeBefore())) {
        this.scanRegExp();
      } else {
        if (char === "{") braces++;
        if (char === "}" && braces-- === 0 && inTemplate) return;
        this.at++;
      }
    }
  }

  /** The last code before the present place, comments left out. */
  private codeBefore(): string {
    return this.code
      .slice(Math.max(0, this.at - 200), this.at)
      .join("")
      .trimEnd();
  }

  private endOf(text: string, from: number): number {
    const index = this.source.indexOf(text, from);
    return index === -1 ? this.source.length : index;
  }

  private skipComment(end: number): void {
    this.blankBoth(this.at, end);
    this.at = Math.min(end, this.source.length);
  }

  private scanQuoted(quote: string): void {
    const start = this.at++;
    while (this.at < this.source.length && this.source[this.at] !== quote && this.source[this.at] !== "\n") {
      this.at += this.source[this.at] === "\\" ? 2 : 1;
    }
    this.keepLiteral(start, this.at);
    this.blank(this.code, start + 1, this.at);
    this.at++;
  }

  private scanTemplate(): void {
    const start = this.at++;
    let from = this.at;
    while (this.at < this.source.length && this.source[this.at] !== "`") {
      if (this.source[this.at] === "\\") {
        this.at += 2;
      } else if (this.source[this.at] === "$" && this.source[this.at + 1] === "{") {
        this.blankBoth(from, this.at);
        this.at += 2;
        this.scanCode(true);
        this.at++;
        from = this.at;
      } else {
        this.at++;
      }
    }
    this.blankBoth(from, this.at);
    this.keepLiteral(start, this.at);
    this.at++;
  }

  private scanRegExp(): void {
    const start = this.at++;
    let inClass = false;
    while (this.at < this.source.length && this.source[this.at] !== "\n") {
      const char = this.source[this.at];
      if (char === "\\") this.at++;
      else if (char === "[") inClass = true;
      else if (char === "]") inClass = false;
      else if (char === "/" && !inClass) break;
      this.at++;
    }
    this.blankBoth(start + 1, this.at);
    this.at++;
  }

  private keepLiteral(start: number, end: number): void {
    this.literals.push({ text: this.source.slice(start + 1, end), line: lineAt(this.source, start) });
  }

  private blankBoth(from: number, to: number): void {
    this.blank(this.withStrings, from, to);
    this.blank(this.code, from, to);
  }

  private blank(text: string[], from: number, to: number): void {
    for (let i = from; i < to && i < text.length; i++) if (text[i] !== "\n") text[i] = " ";
  }
}

/** Line number, from 1, of an index. */
export function lineAt(source: string, index: number): number {
  let line = 1;
  for (let i = source.indexOf("\n"); i !== -1 && i < index; i = source.indexOf("\n", i + 1)) line++;
  return line;
}
