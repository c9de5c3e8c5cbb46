/** Tenant that a token names, or null. Not verified: whether it says so rightly is for the system that is asked to judge. */
export function tenantOf(token: string): string | null {
  try {
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8")) as {
      tenant?: unknown;
    };
    return typeof claims.tenant === "string" ? claims.tenant : null;
  } catch {
    return null;
  }
}
