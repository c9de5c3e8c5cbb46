/** $batch of OData 2.0: requests in a multipart body; change sets inside it are done as a whole or not at all. */

export interface BatchedRequest {
  readonly method: string;
  /** As written: absolute, from the root, or relative to the service. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type BatchPart =
  | { readonly kind: "request"; readonly request: BatchedRequest }
  | { readonly kind: "change-set"; readonly requests: readonly BatchedRequest[] };

/** The parts in order, or what is wrong. Lines end with CRLF; a bare LF is taken too. */
export function readBatch(contentType: string, body: string): readonly BatchPart[] | string {
  const boundary = boundaryOf(contentType);
  if (boundary === null) return "Content-Type must be multipart/mixed with a boundary";
  const parts: BatchPart[] = [];
  for (const part of split(body, boundary)) {
    const { headers, rest } = readHeaders(part);
    const inner = boundaryOf(headers["content-type"] ?? "");
    if (inner === null) {
      const request = readRequest(rest);
      if (request === null) return "A part of the batch is no HTTP request";
      if (request.method !== "GET") return "A change must stand in a change set";
      parts.push({ kind: "request", request });
      continue;
    }
    const requests: BatchedRequest[] = [];
    for (const one of split(rest, inner)) {
      const request = readRequest(readHeaders(one).rest);
      if (request === null) return "A part of the change set is no HTTP request";
      if (request.method === "GET") return "A change set holds no reading requests";
      requests.push(request);
    }
    parts.push({ kind: "change-set", requests });
  }
  return parts.length === 0 ? "The batch holds no parts" : parts;
}

function boundaryOf(contentType: string): string | null {
  const match = /^\s*multipart\/mixed\b.*?\bboundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType);
  return match === null ? null : ((match[1] ?? match[2]) as string);
}

function split(body: string, boundary: string): string[] {
  const lines = body.split(/\r?\n/);
  const parts: string[] = [];
  let open: string[] | null = null;
  for (const line of lines) {
    const edge = line.trimEnd();
    if (edge === `--${boundary}` || edge === `--${boundary}--`) {
      if (open !== null) parts.push(open.join("\r\n"));
      open = edge.endsWith("--") && edge !== `--${boundary}` ? null : [];
      if (open === null) break;
    } else open?.push(line);
  }
  return parts;
}

function readHeaders(text: string): { readonly headers: Record<string, string>; readonly rest: string } {
  const end = text.indexOf("\r\n\r\n");
  const head = end === -1 ? text : text.slice(0, end);
  const headers: Record<string, string> = {};
  for (const line of head.split("\r\n")) {
    const cut = line.indexOf(":");
    if (cut !== -1) headers[line.slice(0, cut).trim().toLowerCase()] = line.slice(cut + 1).trim();
  }
  return { headers, rest: end === -1 ? "" : text.slice(end + 4) };
}

function readRequest(text: string): BatchedRequest | null {
  const start = text.replace(/^(?:\r\n)+/, "");
  const line = /^([A-Z]+) (\S+)(?: HTTP\/1\.[01])?[ ]*(?:\r\n|$)/.exec(start);
  if (line === null) return null;
  const after = start.slice(line[0].length);
  // Without headers the empty line follows at once.
  const { headers, rest } = after.startsWith("\r\n")
    ? { headers: {}, rest: after.slice(2) }
    : readHeaders(after);
  return { method: line[1] as string, url: line[2] as string, headers, body: rest.trim() };
}

export interface BatchedAnswer {
  readonly status: number;
  readonly reason: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** An answer, or those of a whole change set. */
export type AnsweredPart = BatchedAnswer | readonly BatchedAnswer[];

/** The body that answers a batch; `name` makes boundaries that occur nowhere else. */
export function writeBatch(parts: readonly AnsweredPart[], boundary: string, name: () => string): string {
  let body = "";
  for (const part of parts) {
    body += `--${boundary}\r\n`;
    if (!isChangeSet(part)) {
      body += writePart(part);
      continue;
    }
    const inner = name();
    const answers = part.map((one) => `--${inner}\r\n${writePart(one)}`).join("");
    const set = `${answers}--${inner}--\r\n`;
    body += `Content-Type: multipart/mixed; boundary=${inner}\r\nContent-Length: ${Buffer.byteLength(set)}\r\n\r\n${set}\r\n`;
  }
  return `${body}--${boundary}--\r\n`;
}

function isChangeSet(part: AnsweredPart): part is readonly BatchedAnswer[] {
  return Array.isArray(part);
}

function writePart({ status, reason, headers, body }: BatchedAnswer): string {
  const lines = Object.entries({ ...headers, "content-length": String(Buffer.byteLength(body)) }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const http = `HTTP/1.1 ${status} ${reason}\r\n${lines.join("")}\r\n${body}`;
  return `Content-Type: application/http\r\nContent-Length: ${Buffer.byteLength(http)}\r\ncontent-transfer-encoding: binary\r\n\r\n${http}\r\n`;
}
