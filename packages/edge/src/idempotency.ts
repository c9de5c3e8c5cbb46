import type { Submission, System } from "@entente/core";
import { Failure, type JsonObject } from "@entente/core/model";
import type { FastifyReply, FastifyRequest } from "fastify";
import { identityOf } from "./auth.ts";
import { traceparentOf } from "./trace.ts";

/** What a route says of a command; who sends it, for which tenant and under which key is read from the request. */
export type Command = Omit<Submission, "tenantId" | "caller" | "idempotencyKey" | "traceparent" | "data"> & {
  readonly data: JsonObject;
};

const visibleAscii = /^[\x21-\x7e]{1,255}$/;

/** Errors: `idempotency-key-missing`, `idempotency-key-invalid` (refused). */
export function idempotencyKeyOf(request: FastifyRequest): string {
  const key = request.raw.headers["idempotency-key"];
  if (key === undefined || key === "") {
    throw new Failure("refused", "idempotency-key-missing", "Commands need an `Idempotency-Key`.");
  }
  // Sent twice, a header arrives joined by ", ", and the space is not allowed.
  if (typeof key !== "string" || !visibleAscii.test(key)) {
    throw new Failure(
      "refused",
      "idempotency-key-invalid",
      "A key is 1 to 255 visible ASCII characters, once.",
    );
  }
  return key;
}

/**
 * Accepts the command durably and gives the body of the 202; the handler returns it.
 * `refusal`: why a new request like this is not taken, as things stand. A repeat of one that was taken is answered as then all the same:
 * what it asked for may be why another would be refused now.
 * Guarantees: nothing is answered before the command is on disk; a repeat gets the same answer plus `Idempotency-Replayed`.
 * Errors: those of System.accept; `idempotency-key-missing`, `-invalid`, `-reused` (refused); `refusal`.
 */
export async function acceptCommand(
  request: FastifyRequest,
  reply: FastifyReply,
  system: System,
  command: Command,
  refusal: Failure | null = null,
): Promise<string> {
  const { sub, tenant } = identityOf(request);
  const traceparent = traceparentOf(request);
  const submission: Submission = {
    type: command.type,
    schemaVersion: command.schemaVersion,
    target: command.target,
    tenantId: tenant,
    key: command.key,
    customerId: command.customerId,
    caller: sub,
    idempotencyKey: idempotencyKeyOf(request),
    traceparent,
    data: command.data,
    ...(command.personal === undefined ? {} : { personal: command.personal }),
  };
  const acceptance = await (refusal === null ? system.accept(submission) : system.earlier(submission));
  if (acceptance === null) throw refusal;
  const { processId } = acceptance;
  const counts = request.server.commandCounts;
  if (acceptance.outcome === "key-reused") {
    counts.keyReused++;
    throw new Failure("refused", "idempotency-key-reused", "The key belongs to another request of yours.", {
      fields: { processId },
    });
  }
  if (acceptance.outcome === "repeated") {
    counts.repeated++;
    reply.header("idempotency-replayed", "true");
  } else {
    counts.accepted++;
    request.started = { id: processId, processId, traceparent };
  }
  reply.code(202).header("location", `/processes/${processId}`);
  reply.header("content-type", "application/json; charset=utf-8");
  return `{"processId":"${processId}","state":"queued"}`;
}
