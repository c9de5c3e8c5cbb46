/**
 * PostgreSQL arrays in the binary wire format, one Buffer per column of a batch.
 * Why not text literals: escaping JSON inside `{…}` cost more than the rest of the accept path together,
 * and the server had to undo it. `pg` sends a Buffer parameter as binary, typed by the cast in the statement.
 * Source: PostgreSQL 18, array_recv in src/backend/utils/adt/arrayfuncs.c.
 */

const oid = {
  bytea: 17,
  int8: 20,
  int2: 21,
  int4: 23,
  text: 25,
  json: 114,
  timestamptz: 1184,
  uuid: 2950,
  xid8: 5069,
};

/** 2000-01-01T00:00:00Z, where PostgreSQL's clock starts, in epoch milliseconds. */
const postgresEpochMs = 946_684_800_000;

/** As writeInt32BE, without the checks that its every call makes. Returns where what follows begins. */
export function putInt32(buffer: Buffer, value: number, at: number): number {
  buffer[at] = value >>> 24;
  buffer[at + 1] = value >>> 16;
  buffer[at + 2] = value >>> 8;
  buffer[at + 3] = value;
  return at + 4;
}

function header(buffer: Buffer, elementOid: number, length: number, hasNull: boolean): number {
  buffer.writeInt32BE(1, 0);
  buffer.writeInt32BE(hasNull ? 1 : 0, 4);
  buffer.writeInt32BE(elementOid, 8);
  buffer.writeInt32BE(length, 12);
  buffer.writeInt32BE(1, 16);
  return 20;
}

function emptyArray(elementOid: number): Buffer {
  const buffer = Buffer.alloc(12);
  buffer.writeInt32BE(elementOid, 8);
  return buffer;
}

function fixedWidth<T>(
  values: readonly (T | null)[],
  elementOid: number,
  width: number,
  write: (buffer: Buffer, value: T, at: number) => void,
): Buffer {
  if (values.length === 0) return emptyArray(elementOid);
  let nulls = 0;
  for (const value of values) if (value === null) nulls++;
  const buffer = Buffer.allocUnsafe(20 + values.length * 4 + (values.length - nulls) * width);
  let at = header(buffer, elementOid, values.length, nulls > 0);
  for (const value of values) {
    if (value === null) {
      at = putInt32(buffer, -1, at);
      continue;
    }
    at = putInt32(buffer, width, at);
    write(buffer, value, at);
    at += width;
  }
  return buffer;
}

function variableWidth(values: readonly (string | null)[], elementOid: number): Buffer {
  if (values.length === 0) return emptyArray(elementOid);
  let bytes = 20 + values.length * 4;
  let nulls = 0;
  for (const value of values) {
    if (value === null) nulls++;
    // Three bytes bound every UTF-16 code unit; measuring exactly would walk each string twice.
    else bytes += value.length * 3;
  }
  const buffer = Buffer.allocUnsafe(bytes);
  let at = header(buffer, elementOid, values.length, nulls > 0);
  for (const value of values) {
    if (value === null) {
      at = putInt32(buffer, -1, at);
      continue;
    }
    const written = writeText(buffer, value, at + 4);
    putInt32(buffer, written, at);
    at += 4 + written;
  }
  return buffer.subarray(0, at);
}

/** Short ASCII text is written here: handing it to the runtime's encoder costs more than encoding it. */
const shortText = 48;

/** As `write`, returning the number of bytes written. */
export function writeText(buffer: Buffer, value: string, at: number): number {
  const { length } = value;
  if (length > shortText) return buffer.write(value, at, "utf8");
  for (let i = 0; i < length; i++) {
    const unit = value.charCodeAt(i);
    if (unit > 0x7f) return buffer.write(value, at, "utf8");
    buffer[at + i] = unit;
  }
  return length;
}

/** text[] */
export function textArray(values: readonly (string | null)[]): Buffer {
  return variableWidth(values, oid.text);
}

/** json[]; every value is JSON text already. */
export function jsonArray(values: readonly (string | null)[]): Buffer {
  return variableWidth(values, oid.json);
}

/** uuid[] from canonical lower-case text. */
export function uuidArray(values: readonly (string | null)[]): Buffer {
  return fixedWidth(values, oid.uuid, 16, writeUuid);
}

/** Where the 16 bytes of a UUID's text begin. */
const uuidBytes = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/** The 16 bytes of a UUID. */
export function writeUuid(buffer: Buffer, uuid: string, at: number): void {
  for (let i = 0; i < 16; i++) {
    const from = uuidBytes[i] as number;
    buffer[at + i] = (nibble(uuid.charCodeAt(from)) << 4) | nibble(uuid.charCodeAt(from + 1));
  }
}

/** Value of a hexadecimal digit; those of upper case are 32 below those of lower case. */
function nibble(unit: number): number {
  return unit < 0x3a ? unit - 0x30 : (unit | 0x20) - 0x57;
}

/** bytea[] of values that all have `width` bytes. */
export function bytesArray(values: readonly (Buffer | null)[], width: number): Buffer {
  return fixedWidth(values, oid.bytea, width, (buffer, value, at) => value.copy(buffer, at));
}

/** bytea[] of values of any length. */
export function byteaArray(values: readonly (Buffer | null)[]): Buffer {
  if (values.length === 0) return emptyArray(oid.bytea);
  let bytes = 20 + values.length * 4;
  for (const value of values) bytes += value?.length ?? 0;
  const buffer = Buffer.allocUnsafe(bytes);
  let at = header(buffer, oid.bytea, values.length, values.includes(null));
  for (const value of values) {
    at = putInt32(buffer, value === null ? -1 : value.length, at);
    if (value !== null) at += value.copy(buffer, at);
  }
  return buffer;
}

/** uuid[] of 16-byte digests, each written as 32 lower-case hexadecimal digits. */
export function digestArray(values: readonly (string | null)[]): Buffer {
  return fixedWidth(values, oid.uuid, 16, (buffer, value, at) => {
    for (let i = 0; i < 16; i++)
      buffer[at + i] = (nibble(value.charCodeAt(2 * i)) << 4) | nibble(value.charCodeAt(2 * i + 1));
  });
}

/** int2[] */
export function int2Array(values: readonly (number | null)[]): Buffer {
  return fixedWidth(values, oid.int2, 2, (buffer, value, at) => buffer.writeInt16BE(value, at));
}

/** int4[] */
export function int4Array(values: readonly (number | null)[]): Buffer {
  return fixedWidth(values, oid.int4, 4, (buffer, value, at) => putInt32(buffer, value, at));
}

/** int8[] from safe integers or decimal text. */
export function int8Array(values: readonly (number | string | null)[]): Buffer {
  return fixedWidth(values, oid.int8, 8, (buffer, value, at) => {
    if (typeof value === "string") {
      buffer.writeBigInt64BE(BigInt(value), at);
      return;
    }
    const high = Math.floor(value / 0x1_0000_0000);
    putInt32(buffer, high, at);
    putInt32(buffer, value - high * 0x1_0000_0000, at + 4);
  });
}

/** xid8[] from decimal text. */
export function xid8Array(values: readonly string[]): Buffer {
  return fixedWidth(values, oid.xid8, 8, (buffer, value, at) => buffer.writeBigUInt64BE(BigInt(value), at));
}

/** timestamptz[] from epoch milliseconds. */
export function timeArray(values: readonly (number | null)[]): Buffer {
  return fixedWidth(values, oid.timestamptz, 8, (buffer, value, at) => {
    const micros = (value - postgresEpochMs) * 1000;
    const high = Math.floor(micros / 0x1_0000_0000);
    putInt32(buffer, high, at);
    putInt32(buffer, micros - high * 0x1_0000_0000, at + 4);
  });
}
