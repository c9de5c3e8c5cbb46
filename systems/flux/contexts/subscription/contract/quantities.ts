import { Type } from "typebox";

/** Largest quota or usage figure published; keeps every sum a safe integer. */
export const unitsPublishedMax = 1_000_000_000_000;
/** Largest on-demand charge of one account in one cycle, in minor units; one more is refused. */
export const onDemandMinorAllowed = 1_000_000_000_000;

/** Whole credit units, zero or more. */
export const Units = Type.Integer({ minimum: 0, maximum: 2 * unitsPublishedMax });
/** Money in minor units (cents), zero or more, always beside a currency. */
export const AmountMinor = Type.Integer({ minimum: 0, maximum: onDemandMinorAllowed });
/** ISO 4217 code. */
export const Currency = Type.String({ pattern: "^[A-Z]{3}$" });
/** IANA time zone name; whether it exists is decided, not matched. */
export const TimeZone = Type.String({ pattern: "^[A-Za-z][A-Za-z0-9_+/-]{0,63}$" });
/** Calendar month of a billing cycle in the customer's time zone, e.g. `2026-11`. */
export const CycleMonth = Type.String({ pattern: "^[0-9]{4}-(0[1-9]|1[0-2])$" });
/** Epoch milliseconds, business time. */
export const EpochMs = Type.Integer();
/** Id of a process: UUIDv7 in practice; any short text is carried unchanged. */
export const ProcessId = Type.String({ minLength: 1, maxLength: 64 });
/** Stable lower-case code, e.g. `delivery-failed`. */
export const ReasonCode = Type.String({ pattern: "^[a-z0-9]+(-[a-z0-9]+)*$", maxLength: 64 });
