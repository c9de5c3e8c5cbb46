import type { SeededRandom } from "../control/seeded-random.ts";

/** One session: a cookie, and the token that changes made under it must carry. */
export interface Session {
  readonly id: string;
  readonly csrfToken: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

export interface Sessions {
  /** The session of a Cookie header, while it lives. */
  find(cookies: string | undefined, now: number): Session | undefined;
  open(now: number): Session;
  /** Ends them all, as a restart of the system does: the next change is refused until a token is fetched again. */
  clear(): void;
}

/** About what a Gateway grants [D]. */
const lifeMs = 30 * 60_000;
const sessionsKept = 10_000;

export function openSessions(cookieName: string, random: () => SeededRandom): Sessions {
  const byId = new Map<string, Session>();
  return {
    find(cookies, now) {
      const id = readCookie(cookies ?? "", cookieName);
      const session = id === null ? undefined : byId.get(id);
      return session !== undefined && session.expiresAt > now ? session : undefined;
    },
    open(now) {
      const { token } = random();
      const session = { id: token(32), csrfToken: `${token(22)}==`, expiresAt: now + lifeMs };
      byId.set(session.id, session);
      const oldest = byId.keys().next().value;
      if (byId.size > sessionsKept && oldest !== undefined) byId.delete(oldest);
      return session;
    },
    clear: () => byId.clear(),
  };
}

function readCookie(header: string, name: string): string | null {
  for (const pair of header.split(";")) {
    const cut = pair.indexOf("=");
    if (cut !== -1 && pair.slice(0, cut).trim() === name) return pair.slice(cut + 1).trim();
  }
  return null;
}
