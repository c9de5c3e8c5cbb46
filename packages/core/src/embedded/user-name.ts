/** Whether the server's account has a name in the user database, which initdb insists on and containers often lack. */
import { Failure } from "../model/failure.ts";
import type { Account } from "./account.ts";
import { runProgram } from "./program.ts";

const namelessExit = 3;
/** The same question to the same C library that initdb asks; only the account itself can ask it for another user than ours. */
const question = `try { require("node:os").userInfo() } catch (error) { process.exit(error.info?.code === "ENOENT" ? ${namelessExit} : 1) }`;

/** True when it is certain that the account (undefined: that of this process) has no name. */
export async function isNameless(account: Account | undefined): Promise<boolean> {
  return (await runProgram(process.execPath, ["--eval", question], account)).code === namelessExit;
}

/**
 * Only initdb looks for the name: a server runs without one on a database that exists. Nothing but an entry helps: the
 * look-up is compiled in, a wrapper library would have to be installed, and user namespaces are closed where ids are made up.
 */
export function userWithoutName(home: string, account: Account | undefined): Failure {
  const uid = account?.uid ?? process.geteuid?.() ?? -1;
  const gid = account?.gid ?? process.getegid?.() ?? -1;
  return new Failure(
    "refused",
    "user-without-name",
    `The database in ${home} cannot be created: PostgreSQL wants the user who creates it to have a name, and user id ${uid} has none. ` +
      "Set ENTENTE_DATABASE_URL to a PostgreSQL 18 server of your own, or give the id a name and start again: " +
      `\`echo "entente:x:${uid}:${gid}::/tmp:/bin/sh" >> /etc/passwd\`. Nothing was left behind.`,
    { fields: { home, uid, gid } },
  );
}
