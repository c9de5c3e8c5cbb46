import type { FastifyPluginAsync, FastifyReply } from "fastify";
import { type Static, Type } from "typebox";
import { Compile } from "typebox/schema";
import { changeTypes, gapEvent } from "./change-events.ts";
import type { Org } from "./org.ts";
import { users } from "./sessions.ts";

const count = Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000_000 }));
const LimitsSchema = Type.Object(
  { dailyApiRequests: count, longRequests: count, dailyEvents: count, streamingClients: count },
  { additionalProperties: false },
);
const GapSchema = Type.Object(
  {
    object: Type.String(),
    changeType: Type.Enum([...changeTypes]),
    recordIds: Type.Array(Type.String(), { minItems: 1, maxItems: 1_000 }),
  },
  { additionalProperties: false },
);
const JwtKeySchema = Type.Object({ publicKey: Type.String() }, { additionalProperties: false });
const checks = { limits: Compile(LimitsSchema), gap: Compile(GapSchema), jwtKey: Compile(JwtKeySchema) };

/** What can be done to this system besides what the control interface does to all: its limits, its tokens, its events. */
export function salesforceControls(current: () => Org): FastifyPluginAsync {
  return async (app) => {
    app.get("/limits", async () => current().limits.settings());
    app.patch("/limits", async (request, reply) => {
      if (!checks.limits.Check(request.body)) return refuse(reply, "must be limits by name, whole numbers");
      current().limits.change(request.body as Partial<Record<keyof Static<typeof LimitsSchema>, number>>);
      return current().limits.settings();
    });
    app.post("/sessions/expire", async (_request, reply) => {
      current().sessions.expireAll();
      return reply.code(204).send();
    });
    app.put("/jwt-key", async (request, reply) => {
      if (!checks.jwtKey.Check(request.body)) return refuse(reply, "must be {publicKey} in PEM");
      current().jwtPublicKey = (request.body as Static<typeof JwtKeySchema>).publicKey;
      return reply.code(204).send();
    });
    // Changes that Salesforce tells without their data, and those no REST call can make.
    app.post("/change-events", async (request, reply) => {
      if (!checks.gap.Check(request.body)) return refuse(reply, "must be object, changeType and recordIds");
      const { object: name, changeType, recordIds } = request.body as Static<typeof GapSchema>;
      const org = current();
      const object = org.schema.object(name);
      if (object?.changeEvents !== true) return refuse(reply, "object has no change events", "/object");
      org.emit(gapEvent(object, changeType, recordIds, org.facts(users[0].id, "")));
      return reply.code(202).send({});
    });
  };
}

function refuse(reply: FastifyReply, detail: string, pointer = ""): FastifyReply {
  return reply.code(422).send({ error: "body-invalid", problems: [{ pointer, detail }] });
}
