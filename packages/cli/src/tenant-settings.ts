/** What systems outside have to be told of each tenant: a file that the environment names. */
import { readFileSync } from "node:fs";
import { Failure } from "@entente/core";
import { Type } from "typebox";
import { Compile } from "typebox/compile";

const Name = Type.String({ minLength: 1, maxLength: 255 });
const Payer = Type.Object(
  { customer: Type.Union([Name, Type.Null()]), paymentMethod: Name },
  { additionalProperties: false },
);
const PayerOrNone = Type.Union([Payer, Type.Null()]);

const schema = Type.Record(
  Name,
  Type.Object(
    {
      /** SAP's company code that the tenant posts to. */
      companyCode: Type.Optional(Type.String({ pattern: "^[A-Z0-9]{4}$" })),
      /** Who pays at the payment service: accounts of their own, and all others. Null: nobody, and charges are declined. */
      payers: Type.Optional(
        Type.Object(
          { accounts: Type.Record(Name, PayerOrNone), others: PayerOrNone },
          { additionalProperties: false },
        ),
      ),
    },
    { additionalProperties: false },
  ),
);
const Settings = Compile(schema);

export type TenantSettings = Type.Static<typeof schema>;

/** The settings in the file `ENTENTE_TENANTS`; null: there is none. Errors: `tenants-file-invalid` (refused). */
export function tenantSettings({ ENTENTE_TENANTS: file = "" }: NodeJS.ProcessEnv): TenantSettings | null {
  if (file === "") return null;
  const refused = (why: string) =>
    new Failure("refused", "tenants-file-invalid", `ENTENTE_TENANTS="${file}": ${why}`, {
      fields: { variable: "ENTENTE_TENANTS" },
    });
  let read: unknown;
  try {
    read = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    throw refused("cannot be read as JSON.");
  }
  if (Settings.Check(read)) return read as TenantSettings;
  // Places and rules only: what stands there names payment methods.
  const [first] = Settings.Errors(read);
  throw refused(`${first?.instancePath || "/"} ${first?.message ?? "is not as it must be"}.`);
}

/** The members that tenants have, by tenant. */
export function byTenant<Member extends keyof TenantSettings[string]>(
  settings: TenantSettings,
  member: Member,
): Readonly<Record<string, NonNullable<TenantSettings[string][Member]>>> {
  return Object.fromEntries(
    Object.entries(settings).flatMap(([tenant, one]) => {
      const value = one[member];
      return value === undefined ? [] : [[tenant, value] as const];
    }),
  );
}
