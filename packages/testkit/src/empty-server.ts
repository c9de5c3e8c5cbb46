import pg from "pg";

/**
 * Ends everybody's sessions on a server that is only for tests, and removes all databases and roles but those it began with and
 * templates of the superuser with their owners, which the next tests copy. Errors: those of the server.
 */
export async function emptyServer(adminUrl: string): Promise<void> {
  const admin = new pg.Client({ connectionString: adminUrl });
  // A server that stops meanwhile is told by the statement that fails; heard by nobody, it would end this process.
  admin.on("error", () => undefined);
  await admin.connect();
  try {
    await admin.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()",
    );
    const databases = await admin.query<{ name: string }>(
      `select datname as name from pg_database
       where datname <> 'postgres' and not (datistemplate and pg_get_userbyid(datdba) = current_user)`,
    );
    for (const { name } of databases.rows) {
      await admin.query(`alter database ${pg.escapeIdentifier(name)} with is_template false`);
      await admin.query(`drop database ${pg.escapeIdentifier(name)} with (force)`);
    }
    const roles = await admin.query<{ name: string }>(
      `select rolname as name from pg_roles where not rolsuper and rolname !~ '^pg_'
         and rolname not in (select datname from pg_database where datistemplate)`,
    );
    const names = roles.rows.map(({ name }) => pg.escapeIdentifier(name));
    // In one statement, because one may have granted the others.
    if (names.length > 0) await admin.query(`drop role ${names.join(", ")}`);
  } finally {
    await admin.end();
  }
}
