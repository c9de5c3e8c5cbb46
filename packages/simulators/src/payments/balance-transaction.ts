/** A movement of the account's own money: what reconciliation compares with. */
export interface BalanceTransaction {
  readonly id: string;
  readonly object: "balance_transaction";
  /** Gross, in minor units; refunds are negative. */
  readonly amount: number;
  readonly available_on: number;
  readonly created: number;
  readonly currency: string;
  readonly description: string | null;
  readonly exchange_rate: null;
  readonly fee: number;
  readonly fee_details: readonly object[];
  /** amount - fee */
  readonly net: number;
  readonly reporting_category: string;
  /** The charge or refund. */
  readonly source: string;
  readonly status: "pending" | "available";
  readonly type: "charge" | "payment" | "refund" | "refund_failure";
}

const daySeconds = 86_400;

/** The usual card price of the original: 2.9 % and 30 minor units, rounded half up. Refunds are free and give nothing back. */
function feeOf(type: BalanceTransaction["type"], amount: number): number {
  return type === "charge" || type === "payment" ? Math.round(amount * 0.029) + 30 : 0;
}

export function newBalanceTransaction(
  given: Pick<
    BalanceTransaction,
    "id" | "amount" | "created" | "currency" | "description" | "source" | "type"
  >,
): BalanceTransaction {
  const { amount, created, currency, type } = given;
  const fee = feeOf(type, amount);
  return {
    object: "balance_transaction",
    available_on: created + 2 * daySeconds,
    exchange_rate: null,
    fee,
    fee_details:
      fee === 0
        ? []
        : [{ amount: fee, application: null, currency, description: "Processing fees", type: "stripe_fee" }],
    net: amount - fee,
    reporting_category: type === "payment" ? "charge" : type,
    status: "pending",
    ...given,
  };
}
