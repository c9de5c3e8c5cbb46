import { callbackBytesAllowed, type System } from "@entente/core";
import { Failure } from "@entente/core/model";
import type { FastifyPluginAsync } from "fastify";
import { Type } from "typebox";

/**
 * `POST /callbacks/{treaty}`: where counterparties send what became of a hand-off. Who sends is proven by the treaty's signature over the
 * bytes as they came, not by a token of ours. A 2xx means that the message is in the journal; anything else that it is not, and
 * that a sender in good faith should come again. Register it beside the system's own routes.
 */
export function callbackRoute(system: System): FastifyPluginAsync {
  return async (app) => {
    // The body is proof: it must not be parsed and written again before it was verified.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, bytes, done) => done(null, bytes));
    app.route<{ Params: { treaty: string }; Body: Buffer | undefined }>({
      method: "POST",
      url: "/callbacks/:treaty",
      bodyLimit: callbackBytesAllowed,
      config: {
        access: { public: true },
        problems: [
          "treaty-unknown",
          "callback-not-expected",
          "callback-sender-not-allowed",
          "callback-signature-missing",
          "callback-signature-wrong",
          "callback-timestamp-outside",
          "callback-too-large",
          "callback-unreadable",
          "callback-id-reused",
        ],
      },
      schema: {
        operationId: "receiveCallback",
        summary: "A counterparty says what became of a hand-off",
        tags: ["treaties"],
        params: Type.Object({ treaty: Type.String({ pattern: "^[a-z0-9][a-z0-9-]{0,99}$" }) }),
        response: {
          200: Type.Object({ outcome: Type.Enum(["repeated"]) }, { description: "Received before." }),
          202: Type.Object(
            { outcome: Type.Enum(["received"]) },
            { description: "In the journal and on disk." },
          ),
        },
      },
      handler: async (request, reply) => {
        const { headers, socket } = request.raw;
        const body = request.body ?? Buffer.alloc(0);
        const receipt = await system.treaties.receiveCallback(
          request.params.treaty,
          singleHeaders(request.raw.rawHeaders, headers),
          body,
          socket.remoteAddress ?? "",
        );
        if (receipt.outcome === "refused") {
          throw new Failure("refused", receipt.code, "The message was refused and has had no effect.");
        }
        const { outcome } = receipt;
        return reply
          .code(outcome === "received" ? 202 : 200)
          .header("cache-control", "no-store")
          .send({ outcome });
      },
    });
  };
}

/** Header values by lower-case name; one that came twice as an array, because Node joins most of them into one text. */
function singleHeaders(
  raw: readonly string[],
  joined: Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string | string[] | undefined> {
  const times = new Map<string, string[]>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase();
    times.set(name, [...(times.get(name) ?? []), raw[i + 1] as string]);
  }
  return Object.fromEntries(
    Object.keys(joined).map((name) => {
      const values = times.get(name) ?? [];
      return [name, values.length > 1 ? values : (values[0] ?? joined[name])];
    }),
  );
}
