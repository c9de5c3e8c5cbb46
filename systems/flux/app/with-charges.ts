import type { ContextDefinition, SystemDefinition } from "@entente/core";
import { chargedTopUpProcess } from "../contexts/gateway/domain/charged-top-up-process.ts";
import { topUpProcess } from "../contexts/gateway/domain/top-up-process.ts";
import type { Charging } from "../contexts/subscription/contract/charge.ts";

/** Flux where on-demand money is charged when it arises: a top-up then shows the charge as a step and ends with it. */
export function withCharges(definition: SystemDefinition, charging: Charging): SystemDefinition {
  const charged = (context: ContextDefinition): ContextDefinition => {
    const { intake } = context;
    if (intake === undefined) return context;
    const processes = intake.processes.map((one) =>
      one === topUpProcess ? chargedTopUpProcess(charging) : one,
    );
    return { ...context, intake: { ...intake, processes } };
  };
  return { ...definition, contexts: definition.contexts.map(charged) };
}
