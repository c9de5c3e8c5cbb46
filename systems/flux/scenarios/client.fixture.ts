import type { FluxUnderTest } from "./flux-under-test.fixture.ts";

/** One caller of Flux over HTTP. */
export interface Caller {
  readonly token: string;
  topUp(accountId: string, key: string, units?: number, condenserId?: string): Promise<Answer>;
  get(path: string): Promise<Answer>;
  post(path: string, body: object, headers?: Record<string, string>): Promise<Answer>;
  /** Asks until the process is in one of the states; fails after 30 s. */
  until(processId: string, ...states: string[]): Promise<ProcessBody>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // Bodies are asserted on field by field; a schema for each would hide the assertion.
  readonly body: Record<string, unknown>;
}

export interface ProcessBody extends Record<string, unknown> {
  readonly state: string;
}

export async function caller(
  flux: Pick<FluxUnderTest, "url" | "token">,
  claims: {
    readonly role: string;
    readonly accounts?: readonly string[];
    readonly sub?: string;
    readonly tenant?: string;
  },
): Promise<Caller> {
  const token = await flux.token(claims);
  const ask = async (path: string, init: RequestInit): Promise<Answer> => {
    const answer = await fetch(`${flux.url}${path}`, init);
    const text = await answer.text();
    const body = text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
    return { status: answer.status, headers: answer.headers, body };
  };
  const authorization = `Bearer ${token}`;
  const post = (path: string, body: object, more: Record<string, string> = {}) =>
    ask(path, {
      method: "POST",
      headers: { authorization, "content-type": "application/json", ...more },
      body: JSON.stringify(body),
    });
  const get = (path: string) => ask(path, { headers: { authorization } });
  return {
    token,
    get,
    post,
    topUp: (accountId, key, units = 1, condenserId = accountId.replace("acct", "car")) =>
      post("/top-ups", { accountId, condenserId, units }, { "idempotency-key": key }),
    async until(processId, ...states) {
      const limit = performance.now() + 30_000;
      for (;;) {
        const { body } = await get(`/processes/${processId}`);
        if (states.includes(String(body.state))) return body as ProcessBody;
        if (performance.now() > limit) throw new Error(`process ${processId} stays ${JSON.stringify(body)}`);
        await new Promise((resolve) => setTimeout(resolve, 40));
      }
    },
  };
}
