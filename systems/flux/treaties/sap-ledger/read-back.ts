import type { Means } from "@entente/core";
import type { HttpAnswer } from "../http-call.ts";
import { type CubeItem, cubeAddress, readCube } from "./item-cube.ts";

/** References asked for at once: the address stays below 4 KB. */
const perQuestion = 50;
const pagesAllowed = 20;

/** The items of the documents of a company code that have these references, or the answer that was none. */
export async function readBack(
  url: string,
  companyCode: string,
  references: readonly string[],
  authorization: string,
  means: Means,
): Promise<{ readonly items: readonly CubeItem[] } | { readonly refused: HttpAnswer }> {
  const items: CubeItem[] = [];
  for (let at = 0; at < references.length; at += perQuestion) {
    const asked = references.slice(at, at + perQuestion);
    const filter = `CompanyCode eq '${companyCode}' and (${asked.map((one) => `DocumentReferenceID eq '${one}'`).join(" or ")})`;
    let next: string | null = cubeAddress(url, filter);
    for (let page = 0; next !== null; page++) {
      if (page === pagesAllowed) throw new Error("the books go on for ever");
      const found = await readCube(next, authorization, means);
      if ("refused" in found) return found;
      items.push(...found.items);
      next = found.next;
    }
  }
  return { items };
}
