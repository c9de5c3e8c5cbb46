import type { Metadata } from "./parameters.ts";

export interface Customer {
  readonly id: string;
  readonly object: "customer";
  address: object | null;
  readonly balance: 0;
  readonly created: number;
  readonly currency: null;
  readonly default_source: null;
  readonly delinquent: false;
  description: string | null;
  email: string | null;
  readonly invoice_settings: object;
  readonly livemode: false;
  metadata: Metadata;
  name: string | null;
  phone: string | null;
  readonly shipping: null;
  readonly tax_exempt: "none";
}

export function newCustomer(
  given: Pick<
    Customer,
    "id" | "created" | "description" | "email" | "metadata" | "name" | "phone" | "address"
  >,
): Customer {
  return {
    object: "customer",
    balance: 0,
    currency: null,
    default_source: null,
    delinquent: false,
    invoice_settings: {
      custom_fields: null,
      default_payment_method: null,
      footer: null,
      rendering_options: null,
    },
    livemode: false,
    shipping: null,
    tax_exempt: "none",
    ...given,
  };
}
