/** Systems outside ours, simulated: docs/reference/simulators.md. */
export type { Behaviour, BehaviourName } from "./control/behaviour.ts";
export type { OutageMode } from "./control/control.ts";
export { type ControlClient, openControlClient, type RuleToAdd } from "./control/control-client.ts";
export { StateUnreadable } from "./control/kept-state.ts";
export type { Call, Effect, LogFilter } from "./control/logs.ts";
export type { ReceivedCallSpan } from "./control/received-call-span.ts";
export type { RunningSimulator, SimulatorOptions } from "./control/start-simulator.ts";
export { StateHeld } from "./control/state-holder.ts";
export { isSimulatorName, type SimulatorName, type StartSimulator, simulators } from "./simulators.ts";
