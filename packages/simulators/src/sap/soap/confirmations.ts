import type { CallbackQueue } from "../../control/callback-queue.ts";
import type { Simulation } from "../simulation.ts";
import { postOnce } from "./post-once.ts";

/** A confirmation on its way to the caller. */
export interface OutboundConfirmation {
  /** MessageHeader/ID of the request it confirms. */
  readonly messageId: string;
  readonly body: string;
}

/** What became of one delivery. */
export interface Delivery {
  readonly messageId: string;
  readonly at: string;
  readonly attempt: number;
  /** HTTP status of the receiver; null: it could not be reached. */
  readonly status: number | null;
}

export interface Confirmations {
  readonly queue: CallbackQueue<OutboundConfirmation>;
  deliveries(): readonly Delivery[];
  reset(): void;
}

/** Waits before the attempts after the first, by the simulator's clock; then a person would have to send it again. */
const retryAfterMs = [5_000, 60_000, 600_000];
const patienceMs = 30_000;

const action =
  "http://sap.com/xi/SAPSCORE/SFIN/JournalEntryBulkCreateConfirmation_Out/JournalEntryBulkCreateConfirmation_OutRequest";

/** Sends confirmations to the configured address; without one they are dropped, and the caller has to ask. */
export function openConfirmations({ control, world }: Simulation): Confirmations {
  let deliveries: Delivery[] = [];

  async function attempt(confirmation: OutboundConfirmation, number: number): Promise<void> {
    const address = world().settings.confirmation;
    if (address === null) return;
    const { url, user, password } = address;
    const headers = {
      "content-type": "text/xml; charset=utf-8",
      soapaction: `"${action}"`,
      ...(user === undefined
        ? {}
        : { authorization: `Basic ${Buffer.from(`${user}:${password ?? ""}`).toString("base64")}` }),
    };
    const status = await postOnce(url, headers, confirmation.body, patienceMs);
    deliveries.push({ messageId: confirmation.messageId, at: control.isoNow(), attempt: number, status });
    const wait = retryAfterMs[number - 1];
    if ((status !== null && status < 300) || wait === undefined) return;
    control.clock.at(control.clock.now() + wait, () => attempt(confirmation, number + 1));
  }

  return {
    queue: control.callbacks<OutboundConfirmation>((confirmation) => attempt(confirmation, 1)),
    deliveries: () => deliveries,
    reset() {
      deliveries = [];
    },
  };
}
