import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { checkLogon } from "../access.ts";
import { malformedXml } from "../malformed-xml.ts";
import { closedForMs, processLater, type Simulation } from "../simulation.ts";
import { writeFault } from "./confirmation.ts";
import type { Confirmations } from "./confirmations.ts";
import type { JournalEntryRequest } from "./journal-entry-request.ts";
import {
  chooseRefusals,
  confirmationOf,
  type openRequestReader,
  postEntries,
} from "./post-journal-entries.ts";

/** Cloud and on-premise paths; what follows on premise (client, service, binding) is not looked at. */
const syncPaths = [
  "/sap/bc/srt/scs_ext/sap/journalentrycreaterequestconfi",
  "/sap/bc/srt/xip/sap/journalentrycreaterequestconfi/*",
];
const asyncPaths = [
  "/sap/bc/srt/scs_ext/sap/journalentrybulkcreationreques",
  "/sap/bc/srt/xip/sap/journalentrybulkcreationreques/*",
];

const xmlType = "text/xml; charset=utf-8";

/** Journal Entry Post, synchronous and asynchronous. */
export function soapRoutes(
  simulation: Simulation,
  read: ReturnType<typeof openRequestReader>,
  confirmations: Confirmations,
): FastifyPluginAsync {
  const { world } = simulation;

  /** The request, unless it has been answered with a fault. */
  function requestOf(request: FastifyRequest, reply: FastifyReply): JournalEntryRequest | null {
    const found = read(request);
    if ("request" in found) return found.request;
    reply.code(500).type(xmlType).send(writeFault("sender", found.fault));
    return null;
  }

  function refuseOutside(reply: FastifyReply, ms: number): FastifyReply {
    reply.code(503).header("retry-after", String(Math.ceil(ms / 1000)));
    return reply.type(xmlType).send(writeFault("receiver", "Postings are taken in the batch window only"));
  }

  async function postSync(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const message = requestOf(request, reply);
    if (message === null) return reply;
    const { settings, firstAnswers } = world();
    const remembered =
      settings.repeatedMessageUuid && message.messageUuid !== "" ? `uuid ${message.messageUuid}` : null;
    const first = remembered === null ? undefined : firstAnswers.find(remembered, simulation.now());
    if (first?.outdated === false) return reply.type(xmlType).send(first.answer);
    const closedMs = closedForMs(simulation);
    if (closedMs > 0) return refuseOutside(reply, closedMs);
    const reasons = chooseRefusals(simulation, request.call, message);
    const body = confirmationOf(simulation, message, postEntries(simulation, request.call, message, reasons));
    if (remembered !== null) firstAnswers.keep(remembered, body, simulation.now());
    return reply.type(xmlType).send(body);
  }

  async function postAsync(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const message = requestOf(request, reply);
    if (message === null) return reply;
    const { settings, messages, firstAnswers } = world();
    const closedMs = closedForMs(simulation);
    if (closedMs > 0 && settings.batchWindow?.mode === "refuse") return refuseOutside(reply, closedMs);
    if (message.messageId === "" || message.messageId.length > 35) {
      return reply
        .code(500)
        .type(xmlType)
        .send(writeFault("sender", "MessageHeader/ID must have 1 to 35 characters"));
    }
    if (settings.repeatedMessageUuid && message.messageUuid !== "") {
      const name = `uuid ${message.messageUuid}`;
      if (firstAnswers.find(name, simulation.now())?.outdated === false) return reply.code(202).send();
      firstAnswers.keep(name, null, simulation.now());
    }
    if (settings.repeatedMessageId && messages.byId(message.messageId).length > 0) {
      const text = `Message ${message.messageId} was received before`;
      return reply.code(500).type(xmlType).send(writeFault("sender", text));
    }
    const received = messages.add({
      id: message.messageId,
      uuid: message.messageUuid,
      receivedAt: simulation.now(),
      references: message.entries.map(({ entry }) => entry.reference),
    });
    const { call } = request;
    const reasons = chooseRefusals(simulation, call, message);
    processLater(simulation, () => {
      const entries = postEntries(simulation, call, message, reasons);
      messages.end(received, { at: simulation.now(), entries });
      const unknown = call.under("unknown-status");
      const body = confirmationOf(
        simulation,
        message,
        entries,
        unknown === null ? undefined : (unknown.status ?? unknownSeverity),
      );
      const malformed = call.under("malformed");
      confirmations.queue.send(
        [
          {
            messageId: message.messageId,
            body: malformed === null ? body : malformedXml(malformed.variant, body),
          },
        ],
        call.behaviour,
      );
    });
    return reply.code(202).send();
  }

  return async (app) => {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
    app.addHook("preHandler", async (request, reply) => {
      const answer = checkLogon(simulation, request);
      if (answer !== null) return reply.code(answer.status).headers(answer.headers).send(answer.body);
    });
    for (const path of syncPaths) app.post(path, postSync);
    for (const path of asyncPaths) app.post(path, postAsync);
  };
}

/** A severity that no documentation lists: 1 to 4 are. */
export const unknownSeverity = "7";

/** Which service a path is of. */
export function soapOperation(path: string): "post-journal-entries" | "post-journal-entries-async" | null {
  if (/\/sap\/bc\/srt\/.*\/journalentrycreaterequestconfi(?:\/|$)/.test(path)) return "post-journal-entries";
  return /\/sap\/bc\/srt\/.*\/journalentrybulkcreationreques(?:\/|$)/.test(path)
    ? "post-journal-entries-async"
    : null;
}
