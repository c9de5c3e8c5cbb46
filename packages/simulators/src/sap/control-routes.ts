/** What only this system can be told: `/_control/sap`. */
import type { FastifyPluginAsync, FastifyReply } from "fastify";
import { type Static, type TSchema, Type } from "typebox";
import { Compile } from "typebox/schema";
import { dayAt } from "./calendar.ts";
import { alpha } from "./ledger/master-data.ts";
import type { Simulation } from "./simulation.ts";
import type { Confirmations } from "./soap/confirmations.ts";

const strict = { additionalProperties: false } as const;
const Hour = Type.String({ pattern: "^(?:[01]\\d|2[0-3]):[0-5]\\d$" });
const Period = Type.String({ pattern: "^\\d{4}-(?:0[1-9]|1[0-2])$" });

const SettingsBody = Type.Partial(
  Type.Object({
    duplicateReference: Type.Boolean(),
    duplicateObjectKey: Type.Boolean(),
    repeatedMessageUuid: Type.Boolean(),
    repeatedMessageId: Type.Boolean(),
    repeatableRequests: Type.Boolean(),
    rememberMs: Type.Integer({ minimum: 0, maximum: 365 * 86_400_000 }),
    batchWindow: Type.Union([
      Type.Null(),
      Type.Object({ mode: Type.Enum(["refuse", "queue"]), from: Hour, to: Hour }, strict),
    ]),
    confirmation: Type.Union([
      Type.Null(),
      Type.Object(
        {
          url: Type.String({ pattern: "^https?://" }),
          user: Type.Optional(Type.String()),
          password: Type.Optional(Type.String()),
        },
        strict,
      ),
    ]),
    processingMs: Type.Integer({ minimum: 0, maximum: 30 * 86_400_000 }),
    pageSize: Type.Integer({ minimum: 1, maximum: 100_000 }),
  }),
  strict,
);

const PeriodsBody = Type.Object(
  {
    companyCode: Type.Optional(Type.String({ minLength: 4, maxLength: 4 })),
    open: Type.Union([Type.Null(), Type.Array(Type.Object({ from: Period, to: Period }, strict))]),
  },
  strict,
);

const Number10 = Type.String({ minLength: 1, maxLength: 10 });
const MasterDataBody = Type.Partial(
  Type.Object({
    companies: Type.Record(
      Type.String(),
      Type.Object({ name: Type.String(), currency: Type.String({ pattern: "^[A-Z]{3}$" }) }, strict),
    ),
    accounts: Type.Record(Type.String(), Type.String()),
    customers: Type.Array(Number10),
    suppliers: Type.Array(Number10),
  }),
  strict,
);

function reader<Schema extends TSchema>(
  schema: Schema,
): (body: unknown) => Static<Schema> | readonly object[] {
  const check = Compile(schema);
  return (body) => {
    if (check.Check(body)) return body as Static<Schema>;
    const errors = check.Errors(body)[1] as readonly {
      readonly instancePath: string;
      readonly message: string;
    }[];
    return errors.map(({ instancePath, message }) => ({ pointer: instancePath, detail: message }));
  };
}

const readSettings = reader(SettingsBody);
const readPeriods = reader(PeriodsBody);
const readMasterData = reader(MasterDataBody);

export function sapControlRoutes(simulation: Simulation, confirmations: Confirmations): FastifyPluginAsync {
  const { world, now } = simulation;
  const shownSettings = () => {
    const { confirmation, ...settings } = world().settings;
    const shown = confirmation?.password === undefined ? confirmation : { ...confirmation, password: "…" };
    return { ...settings, confirmation: shown };
  };

  return async (app) => {
    app.get("/settings", async () => shownSettings());
    app.post("/settings", async (request, reply) => {
      const read = readSettings(request.body);
      if (Array.isArray(read)) return refuse(reply, read);
      const change = read as Static<typeof SettingsBody>;
      if (change.batchWindow != null && change.batchWindow.from === change.batchWindow.to) {
        return refuse(reply, [{ pointer: "/batchWindow/to", detail: "must differ from from" }]);
      }
      if (change.confirmation != null && !URL.canParse(change.confirmation.url)) {
        return refuse(reply, [{ pointer: "/confirmation/url", detail: "is no address" }]);
      }
      world().settings = { ...world().settings, ...change };
      return shownSettings();
    });

    app.get("/posting-periods", async () => world().periods.list(dayAt(now())));
    app.post("/posting-periods", async (request, reply) => {
      const read = readPeriods(request.body);
      if (Array.isArray(read)) return refuse(reply, read);
      const { companyCode = "*", open } = read as Static<typeof PeriodsBody>;
      world().periods.set(companyCode, open);
      return world().periods.list(dayAt(now()));
    });

    app.post("/master-data", async (request, reply) => {
      const read = readMasterData(request.body);
      if (Array.isArray(read)) return refuse(reply, read);
      const {
        companies = {},
        accounts = {},
        customers = [],
        suppliers = [],
      } = read as Static<typeof MasterDataBody>;
      const { master } = world();
      for (const [number, company] of Object.entries(companies)) master.companies.set(number, company);
      for (const [number, name] of Object.entries(accounts)) master.accounts.set(alpha(number), name);
      for (const number of customers) master.customers.add(alpha(number));
      for (const number of suppliers) master.suppliers.add(alpha(number));
      return {
        companies: Object.fromEntries(master.companies),
        accounts: Object.fromEntries(master.accounts),
        customers: master.customers.size,
        suppliers: master.suppliers.size,
      };
    });

    app.get("/quotas", async () => ({ accounts: world().quotas.accounts() }));
    app.get("/confirmations", async () => ({ confirmations: confirmations.deliveries() }));
    app.post("/sessions/expire", async (_request, reply) => {
      world().sessions.clear();
      return reply.code(204).send();
    });
  };
}

function refuse(reply: FastifyReply, problems: readonly object[]): FastifyReply {
  return reply.code(422).send({ error: "request-invalid", problems });
}
