import type { Database, Statement } from "../postgres/database.ts";

/** A database as its server knows it. Two addresses may lead to one: a name and a number, a pool in front, another login. */
const whichDatabase: Statement = {
  name: "fitness-store",
  text: `select system_identifier::text || '/' || (select oid from pg_database where datname = current_database()) as store
    from pg_control_system()`,
};

/** How many contexts have a database together with another one: contexts less different databases. Errors: those of the databases. */
export async function countSharedStores(databases: Iterable<Database>): Promise<number> {
  const found = await Promise.all([...databases].map((one) => one.run<{ store: string }>(whichDatabase, [])));
  const stores = found.flat().map(({ store }) => store);
  return stores.length - new Set(stores).size;
}
