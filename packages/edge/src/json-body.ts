import { isUtf8 } from "node:buffer";
import { Failure } from "@entente/core/model";
import type { FastifyInstance } from "fastify";
import { Invalid } from "./problem.ts";

/** Levels of objects and arrays: 16 pass, 17 do not. */
export const jsonLevelsAllowed = 16;

/** Reads `application/json` bodies strictly, and nothing else. */
export function acceptJsonOnly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, bytes, done) => {
    // Nobody is there: the answer is 404 whatever the body says.
    if (request.is404) return done(null, undefined);
    try {
      const encoding = request.raw.headers["content-encoding"];
      if (encoding !== undefined && encoding !== "identity") {
        throw new Failure("refused", "content-type-unsupported", "Bodies are sent without content encoding.");
      }
      done(null, parseJson(bytes as Buffer));
    } catch (error) {
      done(error as Error, undefined);
    }
  });
}

interface Shape {
  /** Members of all objects, as written. */
  members: number;
  escaped: boolean;
  ascii: boolean;
  /** One object of members that are not objects or arrays, whose names and numbers cannot be among those that are refused. */
  plain: boolean;
}

/**
 * Parses JSON text and refuses what two readers could understand differently.
 * Guarantees: UTF-8, at most 16 levels, no member twice, no name that reaches a prototype, every number exact as a double's
 * integer or finite, every string free of NUL and lone surrogates.
 * Errors (refused): `body-not-json`, `body-too-deep`, `body-duplicate-key`, `body-unsafe-key`, `body-invalid`.
 *
 * One scan of the bytes and, unless the body is plain, one walk over the result. A duplicate shows without a set of names
 * per object: the text then has more members than the value.
 */
export function parseJson(bytes: Buffer): unknown {
  const shape = scan(bytes);
  if (!shape.ascii && !isUtf8(bytes)) throw notJson();
  let value: unknown;
  try {
    value = JSON.parse(shape.ascii ? bytes.toString("latin1") : bytes.toString("utf8"));
  } catch {
    throw notJson();
  }
  const members = shape.plain ? Object.keys(value as object).length : inspect(value, shape.escaped, null);
  if (members !== shape.members) {
    throw new Failure("refused", "body-duplicate-key", "An object in the body names a member twice.");
  }
  return value;
}

function scan(bytes: Buffer): Shape {
  const length = bytes.length;
  let levels = 0;
  let members = 0;
  let escaped = false;
  let high = 0;
  let objects = 0;
  let arrays = 0;
  let suspect = false;
  /** Bytes of the number, or of true, false or null, that is being read. */
  let bare = 0;
  for (let i = 0; i < length; i++) {
    const byte = bytes[i] as number;
    high |= byte;
    if (byte > 0x2c && byte !== 0x3a && byte !== 0x5b && byte !== 0x5d && byte !== 0x7b && byte !== 0x7d) {
      // Up to 15 digits a number is exact; an exponent may reach further. Letters of words cost a walk at the most.
      if (++bare > 15 || byte === 0x65 || byte === 0x45) suspect = true;
      continue;
    }
    bare = 0;
    if (byte === 0x22) {
      // Names that reach a prototype begin with an underscore or with "cons".
      const first = bytes[i + 1];
      if (first === 0x5f || (first === 0x63 && bytes[i + 4] === 0x73)) suspect = true;
      for (i++; i < length; i++) {
        const inner = bytes[i] as number;
        if (inner === 0x22) break;
        high |= inner;
        if (inner === 0x5c) {
          escaped = true;
          i++;
        }
      }
    } else if (byte === 0x3a) {
      members++;
    } else if (byte === 0x7b || byte === 0x5b) {
      if (byte === 0x7b) objects++;
      else arrays++;
      if (++levels > jsonLevelsAllowed) {
        throw new Failure("refused", "body-too-deep", "The body nests deeper than 16 levels.");
      }
    } else if (byte === 0x7d || byte === 0x5d) {
      levels--;
    }
  }
  const plain = objects === 1 && arrays === 0 && levels === 0 && !escaped && !suspect;
  return { members, escaped, ascii: high < 0x80, plain };
}

interface Place {
  readonly name: string;
  readonly up: Place | null;
}

/** Members of the value and all it holds; throws on what must not pass. Called for leaves only when the body is one. */
function inspect(value: unknown, escaped: boolean, place: Place | null): number {
  if (typeof value !== "object" || value === null) {
    const fault = leafFault(value, escaped);
    if (fault !== null) throw invalid(place, fault);
    return 0;
  }
  let members = 0;
  const array = Array.isArray(value);
  for (const name in value) {
    if (!array) {
      members++;
      checkName(name, value, escaped, place);
    }
    const member = (value as Record<string, unknown>)[name];
    if (typeof member === "object" && member !== null) {
      members += inspect(member, escaped, { name, up: place });
    } else {
      const fault = leafFault(member, escaped);
      if (fault !== null) throw invalid({ name, up: place }, fault);
    }
  }
  return members;
}

function checkName(name: string, value: object, escaped: boolean, place: Place | null): void {
  if (name === "__proto__" || (name === "constructor" && hasPrototype(value.constructor))) {
    throw new Failure(
      "refused",
      "body-unsafe-key",
      "An object in the body has a member that reaches a prototype.",
    );
  }
  if (escaped && !isPlainText(name)) throw invalid(place, "must not have names with NUL or lone surrogates");
}

function leafFault(value: unknown, escaped: boolean): string | null {
  if (typeof value === "string") {
    return escaped && !isPlainText(value) ? "must not hold NUL or lone surrogates" : null;
  }
  if (typeof value === "number" && !(value <= Number.MAX_SAFE_INTEGER && value >= -Number.MAX_SAFE_INTEGER)) {
    return "must be between -(2^53 - 1) and 2^53 - 1";
  }
  return null;
}

function isPlainText(text: string): boolean {
  return text.isWellFormed() && !text.includes("\u0000");
}

function hasPrototype(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.hasOwn(value, "prototype");
}

function invalid(place: Place | null, detail: string): Invalid {
  let pointer = "";
  for (let at = place; at !== null; at = at.up) pointer = `/${escapePointer(at.name)}${pointer}`;
  return new Invalid("body-invalid", [{ pointer: pointer.slice(0, 200), detail }]);
}

/** A member name as a segment of a JSON Pointer. */
export function escapePointer(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}

function notJson(): Failure {
  return new Failure("refused", "body-not-json", "The body is not JSON text in UTF-8.");
}
