import type { SystemContract, SystemDefinition } from "@entente/core";
import type { ContractSnapshot } from "@entente/core/internal";
import { asyncApi } from "./asyncapi.ts";
import { contextMap } from "./context-map.ts";
import { contextPage } from "./context-page.ts";
import { siteFiles } from "./html.ts";
import { svgMap } from "./map-svg.ts";
import { markdownFiles } from "./markdown.ts";
import { commas, heading, type Page, table, text } from "./page.ts";
import {
  handOffPage,
  httpPage,
  mapFile,
  mapInWords,
  mapPage,
  variantMapFile,
  variantMapPage,
  variantMapPath,
} from "./system-pages.ts";
import { type Teams, teamLoads } from "./teams.ts";
import { teamsFile, teamsPage } from "./teams-page.ts";
import { runbookPage, runbookPath, sheetPage, sheetPath } from "./treaty-pages.ts";

/** Everything the documents are made of. Nothing else goes in: no date, no machine, no hand-kept copy. */
export interface AtlasInput {
  /** As readers call the system: `Flux`. */
  readonly title: string;
  /** One sentence about it. */
  readonly says: string;
  /** Of the interfaces' descriptions. */
  readonly version: string;
  readonly definition: SystemDefinition;
  readonly contract: SystemContract;
  /** Other ways to run it. Each has a map of its own; contexts and treaties that are there alone have their pages besides. */
  readonly variants?: readonly Variant[];
  /** The edge's own OpenAPI document; null: it has no HTTP interface. */
  readonly openApi: object | null;
  /** Who owns what; absent: nothing is said of teams. */
  readonly teams?: Teams;
  /** What was promised so far, for counting its changes; absent: none are known. */
  readonly snapshot?: ContractSnapshot | null;
  /** What writes these documents anew. */
  readonly command: string;
}

export interface Variant {
  /** Part of file names: `stage-a`. */
  readonly name: string;
  readonly title: string;
  /** What is different, in one sentence. */
  readonly says: string;
  readonly definition: SystemDefinition;
}

/** Texts by file name with forward slashes. */
export interface Atlas {
  /** Markdown, SVG and JSON, to be committed and read in diffs. */
  readonly pages: ReadonlyMap<string, string>;
  /** The same as a static site; `index.html` is the way in. */
  readonly site: ReadonlyMap<string, string>;
}

/** Draws all documents of a system. Pure: the same input gives the same bytes. */
export function drawAtlas(input: AtlasInput): Atlas {
  const { title, contract, openApi, variants = [] } = input;
  const definition = withVariants(input.definition, variants);
  const map = contextMap(input.definition, contract);
  const svg = svgMap(map, `Context map of ${title}`, mapInWords(map));
  const others = variants.map((variant) => {
    const drawn = contextMap(variant.definition, contract);
    return {
      ...variant,
      map: drawn,
      file: variantMapFile(variant.name),
      svg: svgMap(drawn, `Context map of ${title}: ${variant.title}`, mapInWords(drawn)),
    };
  });
  const treaties = definition.contexts.flatMap((context) =>
    (context.treaties ?? []).map((treaty) => ({ context: context.name, treaty })),
  );
  const info = {
    title: `${title}: messages`,
    version: input.version,
    description: `${input.says} Commands, facts and callbacks, from the declarations of the system.`,
    license: { name: "Apache-2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" },
  };
  const { teams, snapshot = null } = input;
  const loads = teams === undefined ? null : teamLoads({ teams, definition, contract, snapshot, openApi });
  const pages: Page[] = [
    indexPage({ ...input, definition }, treaties),
    mapPage(map, svg),
    ...others.map(variantMapPage),
    ...(openApi === null ? [] : [httpPage(openApi)]),
    ...(treaties.length === 0 ? [] : [handOffPage()]),
    ...(loads === null ? [] : [teamsPage(loads)]),
    ...definition.contexts.map((context) =>
      contextPage(context, contract.contexts.find(({ name }) => name === context.name)?.messages ?? []),
    ),
    ...treaties.map(({ context, treaty }) => sheetPage(context, treaty)),
    ...treaties.map(({ treaty }) => runbookPage(treaty)),
  ];
  const shared = new Map([
    [mapFile, svg],
    ...others.map((other) => [other.file, other.svg] as const),
    ["asyncapi.json", jsonText(asyncApi(definition, contract, info))],
    ...(openApi === null ? [] : [["openapi.json", jsonText(openApi)] as const]),
    ...(loads === null ? [] : [[teamsFile, jsonText({ teams: loads })] as const]),
  ]);
  return {
    pages: new Map([...markdownFiles(pages, input.command), ...shared]),
    site: new Map([...siteFiles(pages, title), ...shared]),
  };
}

/** The system with everything that any variant adds to it. */
function withVariants(definition: SystemDefinition, variants: readonly Variant[]): SystemDefinition {
  const contexts = new Map(definition.contexts.map((context) => [context.name, context]));
  const known = new Set(
    definition.contexts.flatMap(({ treaties = [] }) => treaties.map((treaty) => treaty.name)),
  );
  for (const context of variants.flatMap((variant) => variant.definition.contexts)) {
    const { name } = context;
    const own = contexts.get(name);
    const more = (context.treaties ?? []).filter((treaty) => !known.has(treaty.name));
    for (const treaty of more) known.add(treaty.name);
    if (own === undefined) contexts.set(name, { ...context, treaties: more });
    else if (more.length > 0) contexts.set(name, { ...own, treaties: [...(own.treaties ?? []), ...more] });
  }
  return { ...definition, contexts: [...contexts.values()] };
}

function indexPage(
  { title, says, definition, openApi, command, variants = [] }: AtlasInput,
  treaties: readonly { readonly context: string; readonly treaty: SystemTreaty }[],
): Page {
  return {
    path: "index",
    title,
    says,
    group: "System",
    blocks: [
      text([
        "Start with the ",
        { text: "context map", to: "context-map" },
        ". Interfaces for programs: ",
        ...(openApi === null ? [] : [{ text: "openapi.json", to: "openapi.json" }, " and "]),
        { text: "asyncapi.json", to: "asyncapi.json" },
        ".",
      ]),
      ...variants.map((variant) =>
        text([
          `${variant.says} `,
          { text: `Context map: ${variant.title}`, to: variantMapPath(variant.name) },
          ".",
        ]),
      ),
      heading("Contexts"),
      table(
        "Contexts",
        ["Context", "Treaties"],
        definition.contexts.map(({ name, treaties: own = [] }) => [
          { text: name, to: `contexts/${name}` },
          commas(own.map((treaty) => ({ text: treaty.name, to: sheetPath(treaty.name) }))),
        ]),
      ),
      ...(treaties.length === 0
        ? []
        : [
            heading("Treaties"),
            table(
              "Treaties",
              ["Treaty", "With", "Purpose", "When it fails"],
              treaties.map(({ treaty }) => [
                { text: treaty.name, to: sheetPath(treaty.name) },
                treaty.target,
                treaty.sheet.purpose,
                { text: "runbook", to: runbookPath(treaty.name) },
              ]),
            ),
          ]),
      text(`Every page is written by \`${command}\` from the declarations that run; none is edited by hand.`),
    ],
  };
}

type SystemTreaty = NonNullable<SystemDefinition["contexts"][number]["treaties"]>[number];

function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
