import type { AccountState } from "./account-state.ts";
import { invalid } from "./stripe-refusal.ts";

const depthAllowed = 4;

/** The answer with ids replaced by their objects, along paths such as `latest_charge.balance_transaction`. */
export function expanded(answer: object, paths: readonly string[], state: AccountState): object {
  if (paths.length === 0) return answer;
  const copy = structuredClone(answer);
  for (const path of paths) {
    const names = path.split(".");
    if (names.length > depthAllowed)
      throw invalid(`You cannot expand more than ${depthAllowed} levels: ${path}`, "expand");
    follow(copy, names, path, state);
  }
  return copy;
}

function follow(value: unknown, names: readonly string[], path: string, state: AccountState): void {
  const [name, ...rest] = names;
  if (name === undefined || value === null) return;
  if (Array.isArray(value)) {
    for (const one of value) follow(one, names, path, state);
    return;
  }
  if (typeof value !== "object" || !Object.hasOwn(value, name)) {
    throw invalid(`This property cannot be expanded (${path}).`, "expand");
  }
  const owner = value as Record<string, unknown>;
  const inner = owner[name];
  if (typeof inner === "string") owner[name] = structuredClone(objectOf(inner, state)) ?? inner;
  follow(owner[name], rest, path, state);
}

function objectOf(id: string, state: AccountState): object | undefined {
  const { paymentIntents, charges, refunds, customers, balanceTransactions } = state;
  for (const kind of [paymentIntents, charges, refunds, customers, balanceTransactions]) {
    const found = kind.get(id);
    if (found !== undefined) return found;
  }
  return undefined;
}
