import type { Means } from "@entente/core";

/** The value of `Authorization` for SAP's communication user. */
export async function basic(means: Means): Promise<string> {
  const [user, password] = [await means.secret("user"), await means.secret("password")];
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}
