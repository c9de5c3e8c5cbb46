/** Documents of a system, drawn from its declarations. */
export { type Atlas, type AtlasInput, drawAtlas } from "./draw-atlas.ts";
export type { TeamLoad, Teams } from "./teams.ts";
