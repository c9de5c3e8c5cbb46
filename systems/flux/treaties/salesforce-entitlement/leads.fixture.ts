const credentials = { client_id: "entente-dev-client", client_secret: "entente-dev-secret" };

/** Sales people of a simulated org, who enter prospects by hand. */
export function openLeads(url: string): { enter(key: string): Promise<void> } {
  // Anew every time: sessions end by the simulator's clock, which tests move by days.
  const signIn = async (): Promise<string> => {
    const answer = await fetch(`${url}/services/oauth2/token`, {
      method: "POST",
      body: new URLSearchParams({ grant_type: "client_credentials", ...credentials }),
    });
    return ((await answer.json()) as { access_token: string }).access_token;
  };
  const entered = new Set<string>();
  return {
    async enter(key) {
      if (entered.has(key)) return;
      entered.add(key);
      const answer = await fetch(`${url}/services/data/v67.0/sobjects/Lead/Lead_Key__c/${key}`, {
        method: "PATCH",
        headers: { authorization: `Bearer ${await signIn()}`, "content-type": "application/json" },
        body: JSON.stringify({ LastName: key, Company: key }),
      });
      if (!answer.ok) throw new Error(`the lead ${key} was not entered: ${await answer.text()}`);
    },
  };
}
