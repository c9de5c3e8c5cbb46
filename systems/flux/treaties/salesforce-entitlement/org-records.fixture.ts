/** Records of a simulated org, changed and looked at by its own people: not by anything a treaty asks with. */
const credentials = { client_id: "entente-dev-client", client_secret: "entente-dev-secret" };

/** A record by its object, the field that names it, and its name there. */
export interface OrgPlace {
  readonly object: string;
  readonly keyField: string;
  readonly key: string;
}

export interface OrgRecords {
  /** Makes the record or changes these fields of it. */
  put(place: OrgPlace, fields: Readonly<Record<string, unknown>>): Promise<void>;
  /** Into the recycle bin; nothing, when it is not there. */
  remove(place: OrgPlace): Promise<void>;
  /** Null: it is not there. */
  read(place: OrgPlace): Promise<Readonly<Record<string, unknown>> | null>;
}

export function openOrgRecords(url: string): OrgRecords {
  let token: string | null = null;
  async function signIn(): Promise<string> {
    const body = new URLSearchParams({ grant_type: "client_credentials", ...credentials });
    const answer = await fetch(`${url}/services/oauth2/token`, { method: "POST", body });
    return ((await answer.json()) as { access_token: string }).access_token;
  }
  async function call(method: string, { object, keyField, key }: OrgPlace, body?: object): Promise<Response> {
    const path = `/services/data/v67.0/sobjects/${object}/${keyField}/${encodeURIComponent(key)}`;
    const send = async (): Promise<Response> => {
      token ??= await signIn();
      return fetch(`${url}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    };
    const answer = await send();
    if (answer.status !== 401) return answer;
    // Sessions end by the simulator's clock, which tests move by days.
    token = null;
    return send();
  }
  async function done(answer: Response, allowed: readonly number[]): Promise<void> {
    const text = await answer.text();
    if (!allowed.includes(answer.status)) throw new Error(`the org refused: ${answer.status} ${text}`);
  }
  return {
    put: async (place, fields) => done(await call("PATCH", place, fields), [200, 201, 204]),
    remove: async (place) => done(await call("DELETE", place), [204, 404]),
    async read(place) {
      const answer = await call("GET", place);
      if (answer.status === 200) return (await answer.json()) as Readonly<Record<string, unknown>>;
      await done(answer, [404]);
      return null;
    },
  };
}

/** The number at the end of a name that the conformance suite gave. */
export function numberOf(id: string): number {
  return Number(id.slice(id.lastIndexOf("-") + 1));
}
