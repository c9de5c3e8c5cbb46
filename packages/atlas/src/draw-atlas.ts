import type { SystemContract, SystemDefinition } from "@entente/core";
import { asyncApi } from "./asyncapi.ts";
import { contextMap } from "./context-map.ts";
import { contextPage } from "./context-page.ts";
import { siteFiles } from "./html.ts";
import { svgMap } from "./map-svg.ts";
import { markdownFiles } from "./markdown.ts";
import { commas, heading, type Page, table, text } from "./page.ts";
import { handOffPage, httpPage, mapFile, mapInWords, mapPage } from "./system-pages.ts";
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
  /** The edge's own OpenAPI document; null: it has no HTTP interface. */
  readonly openApi: object | null;
  /** What writes these documents anew. */
  readonly command: string;
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
  const { title, definition, contract, openApi } = input;
  const map = contextMap(definition, contract);
  const svg = svgMap(map, `Context map of ${title}`, mapInWords(map));
  const treaties = definition.contexts.flatMap((context) =>
    (context.treaties ?? []).map((treaty) => ({ context: context.name, treaty })),
  );
  const info = {
    title: `${title}: messages`,
    version: input.version,
    description: `${input.says} Commands, facts and callbacks, from the declarations of the system.`,
    license: { name: "Apache-2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" },
  };
  const pages: Page[] = [
    indexPage(input, treaties),
    mapPage(map, svg),
    ...(openApi === null ? [] : [httpPage(openApi)]),
    ...(treaties.length === 0 ? [] : [handOffPage()]),
    ...definition.contexts.map((context) =>
      contextPage(context, contract.contexts.find(({ name }) => name === context.name)?.messages ?? []),
    ),
    ...treaties.map(({ context, treaty }) => sheetPage(context, treaty)),
    ...treaties.map(({ treaty }) => runbookPage(treaty)),
  ];
  const shared = new Map([
    [mapFile, svg],
    ["asyncapi.json", jsonText(asyncApi(definition, contract, info))],
    ...(openApi === null ? [] : [["openapi.json", jsonText(openApi)] as const]),
  ]);
  return {
    pages: new Map([...markdownFiles(pages, input.command), ...shared]),
    site: new Map([...siteFiles(pages, title), ...shared]),
  };
}

function indexPage(
  { title, says, definition, openApi, command }: AtlasInput,
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
