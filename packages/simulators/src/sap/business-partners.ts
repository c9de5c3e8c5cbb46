/** Business partners: created and changed by others, never deleted. Creating one as a customer makes it postable. */
import { alpha, demoCustomer, demoCustomers, type MasterData } from "./ledger/master-data.ts";
import type {
  EdmValue,
  EntitySet,
  Property,
  Row,
  Service,
  ServiceError,
  UnitOfWork,
} from "./odata/entity-set.ts";

const writable = (maxLength: number): Property => ({ type: "Edm.String", maxLength, writable: true });

const properties: Readonly<Record<string, Property>> = {
  BusinessPartner: { type: "Edm.String", maxLength: 10 },
  BusinessPartnerCategory: writable(1),
  BusinessPartnerGrouping: writable(4),
  BusinessPartnerFullName: { type: "Edm.String", maxLength: 81 },
  OrganizationBPName1: writable(40),
  FirstName: writable(40),
  LastName: writable(40),
  SearchTerm1: writable(20),
  CorrespondenceLanguage: writable(2),
  BusinessPartnerIDByExtSystem: writable(20),
  BusinessPartnerIsBlocked: { type: "Edm.Boolean", writable: true },
  Customer: { type: "Edm.String", maxLength: 10 },
  Supplier: { type: "Edm.String", maxLength: 10 },
  CreationDate: { type: "Edm.DateTime" },
  LastChangeDate: { type: "Edm.DateTime" },
  ETag: { type: "Edm.String", maxLength: 26 },
};

export interface BusinessPartners {
  readonly service: Service;
  count(): number;
}

const firstCreated = 3_000_001;

/** `now`: the simulator's time, epoch milliseconds. */
export function openBusinessPartners(master: MasterData, now: () => number): BusinessPartners {
  const partners = new Map<string, Row>();
  const byName = new Map<string, string>();
  let created = 0;
  let versions = 0;

  const store = (row: Row): void => {
    partners.set(String(row.BusinessPartner), row);
    byName.set(String(row.BusinessPartnerFullName), String(row.BusinessPartner));
  };
  const stamped = (row: Row): Row => {
    versions += 1;
    const at = now();
    const day = at - (at % 86_400_000);
    const person = `${row.FirstName ?? ""} ${row.LastName ?? ""}`;
    const named = row.BusinessPartnerCategory === "2" ? (row.OrganizationBPName1 ?? "") : person;
    return {
      ...row,
      BusinessPartnerFullName: String(named).trim(),
      CreationDate: row.CreationDate ?? day,
      LastChangeDate: day,
      ETag: `${new Date(at).toISOString().replace(/\D/g, "")}${String(versions).padStart(9, "0")}`,
    };
  };

  function create(values: Row, unit: UnitOfWork): Row | ServiceError {
    const fault = missing(values);
    if (fault !== null) return fault;
    const wanted = String(values.BusinessPartner ?? "");
    const number = wanted === "" ? alpha(String(firstCreated + created)) : alpha(wanted);
    if (partners.has(number))
      return bad("R1/202", `Business partner ${number} already exists`, "BusinessPartner");
    const row = stamped({ ...blank(), ...values, BusinessPartner: number, Customer: number });
    const twin = byName.get(String(row.BusinessPartnerFullName));
    if (twin !== undefined) {
      unit.warnings.push({ number: "R1/125", text: `Business partner ${twin} has the same name` });
    }
    // As in any number range, what has been drawn is gone, even when the change set is undone.
    if (wanted === "") created += 1;
    store(row);
    master.customers.add(number);
    unit.undo.push(() => {
      partners.delete(number);
      master.customers.delete(number);
      if (twin === undefined) byName.delete(String(row.BusinessPartnerFullName));
      else byName.set(String(row.BusinessPartnerFullName), twin);
    });
    unit.effects.push({ operation: "create-business-partner", key: keyOf(row), id: number });
    return row;
  }

  function change(row: Row, values: Row, unit: UnitOfWork): Row | ServiceError {
    const changed = stamped({
      ...row,
      ...values,
      BusinessPartnerCategory: row.BusinessPartnerCategory ?? "",
    });
    const fault = missing(changed);
    if (fault !== null) return fault;
    const number = String(row.BusinessPartner);
    store(changed);
    unit.undo.push(() => store(row));
    unit.effects.push({ operation: "change-business-partner", key: keyOf(changed), id: number });
    return changed;
  }

  for (let n = 1; n <= demoCustomers; n++) {
    const number = demoCustomer(n);
    const account = `acct-${String(n).padStart(4, "0")}`;
    store(
      stamped({
        ...blank(),
        BusinessPartner: number,
        BusinessPartnerCategory: "1",
        FirstName: "Customer",
        LastName: account,
        BusinessPartnerIDByExtSystem: account,
        Customer: number,
      }),
    );
  }

  const set: EntitySet = {
    name: "A_BusinessPartner",
    typeName: "A_BusinessPartnerType",
    keys: ["BusinessPartner"],
    properties,
    rows: (among) => {
      const numbers = among.get("BusinessPartner");
      if (numbers === undefined) return partners.values();
      return [...numbers].map((number) => partners.get(String(number))).filter((row) => row !== undefined);
    },
    find: ([number = ""]) => partners.get(alpha(number)),
    etag: (row) => `W/"'${row.ETag}'"`,
    write: { keyOf, create, change },
  };
  return { service: { name: "API_BUSINESS_PARTNER", sets: [set] }, count: () => partners.size };
}

/** What callers know a partner by: their own id where they gave one. */
function keyOf(row: Row): string {
  return String(row.BusinessPartnerIDByExtSystem || (row.BusinessPartner ?? ""));
}

function blank(): Record<string, EdmValue> {
  const values: Record<string, EdmValue> = {};
  for (const [name, { type }] of Object.entries(properties)) {
    values[name] = type === "Edm.String" ? "" : type === "Edm.Boolean" ? false : null;
  }
  return values;
}

function missing(row: Row): ServiceError | null {
  const category = row.BusinessPartnerCategory ?? "";
  if (category !== "1" && category !== "2") {
    return bad(
      "R11/401",
      "Enter a business partner category: 1 person, 2 organization",
      "BusinessPartnerCategory",
    );
  }
  const name = category === "1" ? "LastName" : "OrganizationBPName1";
  return (row[name] ?? "") === "" ? bad("R11/402", `Enter a value for ${name}`, name) : null;
}

function bad(number: string, text: string, property: string): ServiceError {
  return { status: 400, number, text, property };
}
