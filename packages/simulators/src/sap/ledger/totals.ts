import { writeAmount } from "../amount.ts";
import type { PostedDocument } from "./journal-entry.ts";

export interface AccountTotal {
  readonly companyCode: string;
  readonly account: string;
  readonly currency: string;
  /** Number of lines. */
  readonly lines: number;
  /** Both without sign; the balance is debit less credit. */
  readonly debit: string;
  readonly credit: string;
  readonly balance: string;
  readonly balanceMinor: number;
}

interface Sum {
  readonly companyCode: string;
  readonly account: string;
  readonly currency: string;
  lines: number;
  debit: number;
  credit: number;
}

/** Sums by company code, account and currency, in minor units. */
export interface Totals {
  add(document: PostedDocument): void;
  list(): readonly AccountTotal[];
}

export function openTotals(): Totals {
  const sums = new Map<string, Sum>();
  return {
    add({ companyCode, lines }) {
      for (const { account, currency, minor } of lines) {
        const key = `${companyCode} ${account} ${currency}`;
        let sum = sums.get(key);
        if (sum === undefined) {
          sum = { companyCode, account, currency, lines: 0, debit: 0, credit: 0 };
          sums.set(key, sum);
        }
        sum.lines += 1;
        if (minor >= 0) sum.debit += minor;
        else sum.credit -= minor;
      }
    },
    list: () =>
      [...sums.entries()]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, { debit, credit, ...sum }]) => ({
          ...sum,
          debit: writeAmount(debit, sum.currency),
          credit: writeAmount(credit, sum.currency),
          balance: writeAmount(debit - credit, sum.currency),
          balanceMinor: debit - credit,
        })),
  };
}
