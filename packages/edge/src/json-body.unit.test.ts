import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isFailure } from "@entente/core/model";
import fc from "fast-check";
import { jsonLevelsAllowed, parseJson } from "./json-body.ts";
import { Invalid } from "./problem.ts";

const read = (text: string | Buffer) => parseJson(Buffer.from(text as string));
const refuses = (text: string | Buffer, code: string) =>
  assert.throws(
    () => read(text),
    (error) => isFailure(error, code),
    String(text),
  );

describe("JSON bodies", () => {
  test("what JSON.parse reads is read the same", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 10 }), fc.boolean(), (value, spaced) => {
        const text = JSON.stringify(value, null, spaced ? 1 : 0);
        fc.pre(text.isWellFormed() && !/\\u0000|"__proto__":|"constructor"|\\ud[89a-f]/.test(text));
        fc.pre(!/\d{16}|e\+/.test(text));
        assert.deepStrictEqual(read(text), JSON.parse(text));
      }),
      { numRuns: 300 },
    );
  });

  test("a member named twice is refused, also when one name is written with an escape or sits deep inside", () => {
    refuses('{"a":1,"a":2}', "body-duplicate-key");
    refuses('{"a":1,"\\u0061":2}', "body-duplicate-key");
    refuses('{"x":[{"y":{"a":1,"b":2,"a":1}}]}', "body-duplicate-key");
    assert.deepStrictEqual(read('{"a":{"a":1},"b":[{"a":1},{"a":2}]}'), {
      a: { a: 1 },
      b: [{ a: 1 }, { a: 2 }],
    });
  });

  test("a flat body is held to the same rules as one with objects inside", () => {
    const members = fc.dictionary(
      fc.constantFrom("a", "b", "__proto__x", "constructor", "consume", "c"),
      fc.oneof(fc.maxSafeInteger(), fc.string(), fc.boolean(), fc.constant(null)),
    );
    fc.assert(
      fc.property(members, fc.boolean(), (flat, twice) => {
        const text = JSON.stringify(flat);
        const [name] = Object.keys(flat);
        const written = twice && name !== undefined ? `{"${name}":1,${text.slice(1)}` : text;
        const judged = (body: string) => {
          try {
            return read(body);
          } catch (error) {
            return (error as { code: string }).code;
          }
        };
        const inside = judged(`{"inside":${written}}`);
        const alone = judged(written);
        assert.deepStrictEqual(inside, typeof alone === "string" ? alone : { inside: alone });
      }),
      { numRuns: 500 },
    );
    refuses('{"__proto__":1}', "body-unsafe-key");
    for (const number of ["9007199254740992", "-9007199254740992", "1e400"])
      refuses(`{"n":${number}}`, "body-invalid");
  });

  test("colons, brackets and quotes inside text count for nothing", () => {
    assert.deepStrictEqual(read('{"a":"{[:,\\"}]:","b\\\\":"\\\\"}'), { a: '{[:,"}]:', "b\\": "\\" });
  });

  test("sixteen levels pass, seventeen do not", () => {
    const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
    read(nested(jsonLevelsAllowed));
    refuses(nested(jsonLevelsAllowed + 1), "body-too-deep");
    refuses('{"a":'.repeat(60_000), "body-too-deep");
  });

  test("names that reach a prototype are refused", () => {
    refuses('{"__proto__":{"admin":true}}', "body-unsafe-key");
    refuses('{"a":[{"\\u005f_proto__":1}]}', "body-unsafe-key");
    refuses('{"constructor":{"prototype":{}}}', "body-unsafe-key");
    assert.deepStrictEqual(read('{"constructor":"Lego"}'), { constructor: "Lego" });
  });

  test("numbers that do not survive are refused, with their place", () => {
    for (const number of [
      "1e400",
      "-1e400",
      "9007199254740992",
      "-9007199254740992",
      "123456789012345678901234567890",
    ]) {
      assert.throws(
        () => read(`{"a/b":[0,{"n":${number}}]}`),
        (error) => error instanceof Invalid && error.errors[0]?.pointer === "/a~1b/1/n",
        number,
      );
    }
    assert.deepStrictEqual(
      read("[9007199254740991,-9007199254740991,0.1]"),
      [9007199254740991, -9007199254740991, 0.1],
    );
  });

  test("NUL and lone surrogates in text and names are refused; pairs and other escapes are not", () => {
    refuses('{"a":"x\\u0000y"}', "body-invalid");
    refuses('{"a":"\\ud800"}', "body-invalid");
    refuses('{"\\u0000":1}', "body-invalid");
    refuses('"\\udc00"', "body-invalid");
    assert.deepStrictEqual(read('{"a":"\\ud83d\\ude00\\n\\u00e9"}'), { a: "😀\né" });
  });

  test("text that is not JSON, or not UTF-8, is refused", () => {
    for (const text of [
      "",
      " ",
      "{",
      "nul",
      "{'a':1}",
      '{"a":1,}',
      "\ufeff{}",
      '{"a":NaN}',
      '{"a":01}',
      '"a\u0000b"',
      "{}{}",
    ]) {
      refuses(text, "body-not-json");
    }
    refuses(Buffer.from([0x22, 0xff, 0xfe, 0x22]), "body-not-json");
    refuses(Buffer.from([0x22, 0xc0, 0x80, 0x22]), "body-not-json");
    refuses(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), "body-not-json");
    assert.equal(read('"é😀"'), "é😀");
  });
});
