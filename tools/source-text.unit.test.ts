import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { importsOf } from "./imports.ts";
import { lineAt, readSource } from "./source-text.ts";
import { typescriptFiles } from "./tree.ts";

function specifiers(source: string): string[] {
  return importsOf(readSource(source)).map(({ specifier, typeOnly }) =>
    typeOnly ? `type ${specifier}` : specifier,
  );
}

describe("reading a source", () => {
  test("blanks comments and literals in place", () => {
    const { code, withStrings } = readSource('a("b//c"); // d\n/* e\n */ f(`g`)');
    assert.equal(code, 'a("    ");     \n    \n    f(` `)');
    assert.equal(withStrings, 'a("b//c");     \n    \n    f(` `)');
  });

  test("keeps the code inside a template, however deep", () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the string is source text
    const { code } = readSource("`a ${b(`c ${d}`, { e: 1 })} f` + g");
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the string is source text
    assert.equal(code, "`  ${b(`  ${d}`, { e: 1 })}  ` + g");
  });

  test("tells a pattern from a division", () => {
    assert.equal(readSource('a = b / c / d; e = /"/.test(f)').code, "a = b / c / d; e = / /.test(f)");
    assert.equal(readSource('return /[/"]/g; // "').code, "return /    /g;     ");
  });

  test("keeps the text of literals with their lines", () => {
    const { literals } = readSource("a('b');\n\nc(`d\ne`, '\\'')");
    assert.deepEqual(literals, [
      { text: "b", line: 1 },
      { text: "d\ne", line: 3 },
      { text: "\\'", line: 4 },
    ]);
  });

  test("keeps the length and the lines of every file here", () => {
    for (const [file, source] of typescriptFiles()) {
      const { code } = readSource(source);
      assert.equal(code.length, source.length, file);
      assert.equal(lineAt(code, code.length), lineAt(source, source.length), file);
      // A scanner that lost its way swallows code up to the next quote somewhere: braces no longer pair up.
      assert.equal(code.split("{").length, code.split("}").length, file);
    }
  });
});

describe("reading imports", () => {
  test("finds every form", () => {
    const source = [
      'import a from "a";',
      'import { type B, c } from "b";',
      'import * as d from "d";',
      'import "e";',
      'export { f } from "f";',
      'export * from "g";',
      'import {\n  h,\n} from "h";',
      'const i = await import("i");',
      'const j = require("j");',
    ].join("\n");
    assert.deepEqual(specifiers(source), ["a", "b", "d", "e", "f", "g", "h", "i", "j"]);
  });

  test("tells what is erased from what runs", () => {
    const source = 'import type { A } from "a";\nexport type { B } from "b";\nimport { type C } from "c";';
    assert.deepEqual(specifiers(source), ["type a", "type b", "c"]);
  });

  test("is not misled by words, comments and texts", () => {
    const source =
      'const x = { import: 1, from: "a" };\n// import "b"\nconst y = `import "c"`;\nexport const z = "d";';
    assert.deepEqual(specifiers(source), []);
  });
});
