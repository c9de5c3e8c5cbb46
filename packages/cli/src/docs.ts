import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Atlas, drawAtlas } from "@entente/atlas";
import { Failure } from "@entente/core";
import { readSnapshot } from "@entente/core/internal";
import { callbackRoute, describeApi } from "@entente/edge";
import {
  everyCounterparty,
  fluxContract,
  fluxDocs,
  fluxErrors,
  fluxRoutes,
  fluxSnapshot,
  fluxTags,
  fluxTeams,
  fluxWith,
} from "@entente/flux";
import { writeDocs } from "./docs-folder.ts";

interface Documented {
  /** The system's own folder, committed. */
  readonly folder: URL;
  draw(command: string): Promise<Atlas>;
}

const systems: Readonly<Record<string, Documented>> = {
  flux: {
    folder: fluxDocs,
    draw: async (command) => {
      const face = { title: "Flux", version: "0.1.0" };
      return drawAtlas({
        ...face,
        says: "A utility that sells refills for temporal condensers.",
        definition: fluxWith(everyCounterparty),
        variants: [
          {
            name: "stage-a",
            title: "stage A",
            says: "In stage A (ENTENTE_FLUX_STAGE=A) a top-up is Salesforce's first: it is upstream as customer-supplier, SAP is downstream as conformist, each behind an anti-corruption layer.",
            definition: fluxWith(everyCounterparty, "A"),
          },
        ],
        contract: fluxContract,
        teams: fluxTeams,
        snapshot: readSnapshot(readFileSync(fluxSnapshot, "utf8")),
        openApi: await describeApi({
          ...face,
          tags: fluxTags,
          contexts: fluxWith(everyCounterparty).contexts,
          errors: fluxErrors,
          routes: (system) => [fluxRoutes(system), callbackRoute(system)],
        }),
        command,
      });
    },
  },
};

export interface DocsOptions {
  /** Folder of the site (default: `site/<system>` where the command is run). */
  readonly out?: string;
}

/**
 * Writes the documents of a system, drawn from its declarations: a static site, and the Markdown, SVG and JSON in the system's
 * `docs` folder. Needs no database. The same declarations give the same bytes.
 * Errors: `system-unknown` (refused), and those of writeDocs.
 */
export async function writeDocuments(system: string, options: DocsOptions): Promise<void> {
  const { folder, atlas } = await documentsOf(system);
  const site = resolve(options.out ?? `site/${system}`);
  writeDocs(site, system, atlas.site);
  writeDocs(folder, system, atlas.pages);
  console.log(`site: ${site}/index.html (${atlas.site.size} files)`);
  console.log(`documents: ${folder} (${atlas.pages.size} files)`);
}

/** What `entente docs` would write, and the system's folder for it. Errors: `system-unknown` (refused). */
export async function documentsOf(
  system: string,
): Promise<{ readonly folder: string; readonly atlas: Atlas }> {
  const documented = Object.hasOwn(systems, system) ? systems[system] : undefined;
  if (documented === undefined) {
    const known = Object.keys(systems).join(", ");
    throw new Failure("refused", "system-unknown", `There is no system "${system}". There is: ${known}.`);
  }
  const atlas = await documented.draw(`npx entente docs ${system}`);
  return { folder: fileURLToPath(documented.folder), atlas };
}
