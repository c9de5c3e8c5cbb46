import {
  type RunningSimulator,
  type SimulatorDefinition,
  type SimulatorOptions,
  startSimulator,
} from "../control/start-simulator.ts";
import { sapAnswers } from "./answers.ts";
import { sapControlRoutes } from "./control-routes.ts";
import { description } from "./description.ts";
import { identify } from "./identify.ts";
import { idocRoutes, openIdocReader } from "./idoc/idoc-routes.ts";
import { ledgerTruthRoute } from "./ledger-truth-route.ts";
import { odataRoutes } from "./odata/odata-routes.ts";
import { quotaRoutes } from "./quota/quota-routes.ts";
import { defaultSettings, type Settings } from "./settings.ts";
import type { Simulation } from "./simulation.ts";
import { openConfirmations } from "./soap/confirmations.ts";
import { openRequestReader } from "./soap/post-journal-entries.ts";
import { soapRoutes } from "./soap/soap-routes.ts";
import { openWorld } from "./world.ts";

export interface SapOptions extends SimulatorOptions {
  /** What a reset returns to. */
  readonly settings?: Partial<Settings>;
}

/** SAP as far as a utility's ledger needs it: docs/reference/simulators.md, "SAP". */
export async function startSap({ settings, ...options }: SapOptions = {}): Promise<RunningSimulator> {
  return await startSimulator(sapSystem({ ...defaultSettings, ...settings }), options);
}

function sapSystem(settings: Settings): SimulatorDefinition {
  return {
    description,
    open(control) {
      let world = openWorld(control, settings);
      const simulation: Simulation = {
        control,
        world: () => world,
        now: () => Math.trunc(control.clock.now()),
      };
      const readers = { entries: openRequestReader(simulation), idocs: openIdocReader() };
      const confirmations = openConfirmations(simulation);
      return {
        answers: sapAnswers(simulation),
        identify: (request) => identify(request, simulation, readers),
        routes: [
          soapRoutes(simulation, readers.entries, confirmations),
          odataRoutes(simulation),
          idocRoutes(simulation, readers.idocs),
          quotaRoutes(simulation),
          ledgerTruthRoute(simulation),
        ],
        controls: sapControlRoutes(simulation, confirmations),
        reset() {
          world = openWorld(control, settings);
          confirmations.reset();
        },
      };
    },
  };
}
