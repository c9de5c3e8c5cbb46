import pg from "pg";

/** True once the condition holds, false when it does not for so long (real time). */
export async function comes(condition: () => boolean | Promise<boolean>, withinMs: number): Promise<boolean> {
  const limit = performance.now() + withinMs;
  for (;;) {
    if (await condition()) return true;
    if (performance.now() > limit) return false;
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}

/** Removes the databases and roles of a system, whose names begin with its own. */
export async function removeDatabases(adminUrl: string, name: string): Promise<void> {
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    const like = [`${name}\\_%`];
    const found = await admin.query<{ datname: string }>(
      "select datname from pg_database where datname like $1",
      like,
    );
    for (const { datname } of found.rows)
      await admin.query(`drop database ${pg.escapeIdentifier(datname)} with (force)`);
    const roles = await admin.query<{ rolname: string }>(
      "select rolname from pg_roles where rolname like $1",
      like,
    );
    // In one statement, because one may have granted the others.
    const names = roles.rows.map(({ rolname }) => pg.escapeIdentifier(rolname));
    if (names.length > 0) await admin.query(`drop role ${names.join(", ")}`);
  } finally {
    await admin.end();
  }
}
