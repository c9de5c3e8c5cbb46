import type { SeededRandom } from "../control/seeded-random.ts";
import { recordId } from "./record-id.ts";

export interface User {
  readonly id: string;
  readonly username: string;
  readonly displayName: string;
}

export const organizationId = recordId("00D", 1);

/** Who can sign in. The first is the user that integrations run as. */
export const users: readonly [User, ...User[]] = [
  { id: recordId("005", 1), username: "integration@demo.example", displayName: "Integration" },
  { id: recordId("005", 2), username: "agent@demo.example", displayName: "Service Agent" },
];

/** Fixed and public: what a developer signs in with. */
export const credentials = {
  clientId: "entente-dev-client",
  clientSecret: "entente-dev-secret",
  username: "agent@demo.example",
  password: "entente-dev-password",
  refreshToken: "entente-dev-refresh-token",
  organizationId,
} as const;

export interface Session {
  readonly token: string;
  readonly user: User;
  readonly issuedAt: number;
  /** It was issued after another token had been rejected by a simulated fault. */
  readonly afterRejection: boolean;
}

/** Tokens of one org, by the simulator's clock. */
export interface Sessions {
  issue(user: User): Session;
  /** Null: unknown, expired or revoked. */
  session(token: string): Session | null;
  refreshUser(refreshToken: string): User | null;
  /** An access token or a refresh token. */
  revoke(token: string): void;
  /** Every access token that is out ends; refresh tokens stay. */
  expireAll(): void;
  /** A fault rejected this token: it ends, and the next one is marked. */
  reject(token: string): void;
  /** This token replaced a rejected one, and nothing was served since. */
  renewedInVain(token: string): boolean;
  /** A request was served: the fault is over. */
  accepted(): void;
}

const lifetimeMs = 2 * 3_600_000;

export function openSessions(now: () => number, random: SeededRandom): Sessions {
  let sessions = new Map<string, Session>();
  let refreshTokens = new Map<string, User>([[credentials.refreshToken, users[0]]]);
  let rejecting = false;
  return {
    issue(user) {
      const token = `${organizationId.slice(0, 15)}!${random.token(96)}`;
      const session = { token, user, issuedAt: now(), afterRejection: rejecting };
      sessions.set(token, session);
      return session;
    },
    session(token) {
      const session = sessions.get(token);
      return session !== undefined && now() < session.issuedAt + lifetimeMs ? session : null;
    },
    refreshUser: (token) => refreshTokens.get(token) ?? null,
    revoke(token) {
      const user = refreshTokens.get(token);
      sessions.delete(token);
      if (user === undefined) return;
      refreshTokens = new Map([...refreshTokens].filter(([other]) => other !== token));
      sessions = new Map([...sessions].filter(([, session]) => session.user !== user));
    },
    expireAll() {
      sessions = new Map();
    },
    reject(token) {
      sessions.delete(token);
      rejecting = true;
    },
    renewedInVain: (token) => rejecting && sessions.get(token)?.afterRejection === true,
    accepted() {
      rejecting = false;
    },
  };
}
