/** Messages of PostgreSQL's protocol, made by hand. */

/** A message with this type letter (none in the start-up phase) and body. */
export function message(type: string, body: string, encoding: BufferEncoding = "utf8"): Buffer {
  const content = Buffer.from(body, encoding);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length + 4);
  return Buffer.concat([Buffer.from(type), length, content]);
}

/** The start-up message of protocol 3.0 for user "u". */
export function startupMessage(): Buffer {
  return message("", "\u0000\u0003\u0000\u0000user\0u\0\0", "latin1");
}
