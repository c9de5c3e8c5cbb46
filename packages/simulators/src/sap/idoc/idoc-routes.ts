import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import type { ReceivedCall } from "../../control/received-call.ts";
import { element } from "../../xml/write-xml.ts";
import { accessAnswers, checkLogon } from "../access.ts";
import { credentials } from "../description.ts";
import { objectKeyOf } from "../ledger/ledger.ts";
import { closedForMs, postEntry, processLater, refusalReason, type Simulation } from "../simulation.ts";
import { entryOf } from "./acc-document.ts";
import { type StoredIdoc, statusOf, writeStatusFile } from "./idoc-store.ts";
import { type ReceivedIdoc, readFlatFile, readIdocXml } from "./read-idoc.ts";

const paths = { xml: "/sap/bc/idoc_xml", flat: "/sap/bc/idoc_flat" } as const;

type Read = readonly ReceivedIdoc[] | string;

/** The IDocs of a request, read once although control part and handler both look into it. */
export function openIdocReader(): (request: FastifyRequest) => Read {
  const read = new WeakMap<FastifyRequest, Read>();
  return (request) => {
    const known = read.get(request);
    if (known !== undefined) return known;
    const body = typeof request.body === "string" ? request.body : "";
    const fresh = request.url.startsWith(paths.flat) ? readFlatFile(body) : readIdocXml(body);
    read.set(request, fresh);
    return fresh;
  };
}

/** REF_DOC_NO: what the caller knows the entry by. */
export function referenceOf({ segments }: ReceivedIdoc): string {
  return segments.find(({ name }) => name === "E1BPACHE09")?.fields.REF_DOC_NO ?? "";
}

/** IDocs of the ledger: taken in as XML and as flat files, asked about, and processed again. */
export function idocRoutes(
  simulation: Simulation,
  read: (request: FastifyRequest) => Read,
): FastifyPluginAsync {
  const { world, now } = simulation;

  async function receive(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const received = read(request);
    if (typeof received === "string") return reply.code(400).type("text/plain;charset=utf-8").send(received);
    const closedMs = closedForMs(simulation);
    if (closedMs > 0 && world().settings.batchWindow?.mode === "refuse")
      return refuseOutside(reply, closedMs);
    const stored = received.map((one) => world().idocs.add(one, now()));
    for (const idoc of stored) if (statusOf(idoc) === "64") schedule(request.call, idoc);
    // Stored, not posted: what became of it is asked for later.
    const list = stored.map(
      ({ docnum }) => `<IDOC>${element("DOCNUM", docnum)}${element("STATUS", "50")}</IDOC>`,
    );
    return reply.type("text/xml;charset=utf-8").send(`<IDOCS>${list.join("")}</IDOCS>`);
  }

  function schedule(call: ReceivedCall, { docnum, received }: StoredIdoc): void {
    const { idocs, master } = world();
    const reason = refusalReason(simulation, call, referenceOf(received));
    processLater(simulation, () => {
      idocs.move(docnum, "62", now());
      const { document, items } = postEntry(simulation, call, entryOf(received.segments, master), reason);
      if (document !== null) idocs.move(docnum, "53", now(), items[0], objectKeyOf(document));
      // The first message only says that there is an error.
      else idocs.move(docnum, "51", now(), items[1] ?? items[0]);
    });
  }

  async function status(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { docnum, after } = request.query as { readonly docnum?: string; readonly after?: string };
    const since = after === undefined ? 0 : Date.parse(after);
    if (Number.isNaN(since)) return reply.code(400).type("text/plain").send("after is no instant");
    const { idocs } = world();
    const one = docnum === undefined ? undefined : idocs.find(docnum);
    if (docnum !== undefined && one === undefined)
      return reply.code(404).type("text/plain").send("No such IDoc");
    const file = writeStatusFile(one === undefined ? idocs.all() : [one], credentials.client, since);
    return reply.type("text/plain;charset=utf-8").send(file);
  }

  async function reprocess(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { docnum } = request.query as { readonly docnum?: string };
    const { idocs } = world();
    const idoc = docnum === undefined ? undefined : idocs.find(docnum);
    if (idoc === undefined) return reply.code(404).type("text/plain").send("No such IDoc");
    if (statusOf(idoc) !== "51") {
      return reply
        .code(409)
        .type("text/plain")
        .send(`Status ${statusOf(idoc)} cannot be processed again`);
    }
    const closedMs = closedForMs(simulation);
    if (closedMs > 0 && world().settings.batchWindow?.mode === "refuse")
      return refuseOutside(reply, closedMs);
    idocs.move(idoc.docnum, "64", now());
    schedule(request.call, idoc);
    return reply
      .code(202)
      .type("text/xml;charset=utf-8")
      .send(`<IDOC>${element("DOCNUM", idoc.docnum)}${element("STATUS", "64")}</IDOC>`);
  }

  function refuseOutside(reply: FastifyReply, ms: number): FastifyReply {
    const {
      status: code,
      headers,
      body,
    } = accessAnswers.page(503, "Postings are taken in the batch window only");
    return reply
      .code(code)
      .headers({ ...headers, "retry-after": String(Math.ceil(ms / 1000)) })
      .send(body);
  }

  return async (app) => {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
    app.addHook("preHandler", async (request, reply) => {
      const answer = checkLogon(simulation, request);
      if (answer !== null) return reply.code(answer.status).headers(answer.headers).send(answer.body);
    });
    app.post(paths.xml, receive);
    app.post(paths.flat, receive);
    app.get("/sap/bc/idoc_status", status);
    app.post("/sap/bc/idoc_reprocess", reprocess);
  };
}
