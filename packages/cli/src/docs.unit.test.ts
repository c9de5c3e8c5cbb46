import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Parser } from "@asyncapi/parser";
import { documentsOf } from "./docs.ts";
import { marker, staleDocs, writeDocs } from "./docs-folder.ts";

const main = fileURLToPath(new URL("main.ts", import.meta.url));
const redocly = fileURLToPath(new URL("../../../node_modules/@redocly/cli/bin/cli.js", import.meta.url));
const home = await mkdtemp(join(tmpdir(), "entente-docs-"));
after(() => rm(home, { recursive: true, force: true }));

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function node(...args: readonly string[]): Promise<Run> {
  const quiet = { REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true", CI: "1" };
  const options = { cwd: home, env: { ...process.env, ...quiet }, maxBuffer: 8 * 1024 * 1024 };
  return new Promise((resolve) => {
    execFile(process.execPath, args, options, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

let folders = 0;
const newFolder = () => join(home, `folder-${++folders}`);
const files = (...names: readonly string[]) => new Map(names.map((name) => [name, `text of ${name}\n`]));
const refused = (code: string) => ({ kind: "refused", code });

describe("the committed documents of flux", async () => {
  const { folder, atlas } = await documentsOf("flux");

  test("are what its declarations say today", () => {
    const says = "The declarations of flux changed. Write its documents anew:  npx entente docs flux";
    assert.deepEqual(staleDocs(folder, "flux", atlas.pages), [], says);
  });

  test("describe messages as AsyncAPI that the reference parser accepts", async () => {
    const { document, diagnostics } = await new Parser().parse(atlas.pages.get("asyncapi.json") ?? "");
    const told = diagnostics.filter(({ severity }) => severity < 2).map(({ code, path }) => [code, ...path]);
    assert.deepEqual(told, []);
    assert.equal(document?.version(), "3.1.0");
  });

  test("describe the HTTP interface as OpenAPI that a linter's recommended rules accept", async () => {
    const file = join(home, "openapi.json");
    await writeFile(file, atlas.pages.get("openapi.json") ?? "");
    const { out } = await node(redocly, "lint", "--extends=recommended", "--format=json", file);
    const { problems } = JSON.parse(out) as { problems: { severity: string; ruleId: string }[] };
    // Switching to WebSocket is no 2xx; every other rule is kept.
    assert.deepEqual(
      problems.map(({ severity, ruleId }) => `${severity} ${ruleId}`),
      ["warn operation-2xx-response"],
      out,
    );
    assert.ok(!(atlas.pages.get("openapi.json") ?? "").includes('"/dev/'), "as in production");
  });
});

describe("documents that are not current:", () => {
  for (const [title, change, expected] of [
    [
      "one that was edited",
      (folder) => writeFile(join(folder, "a.md"), "edited"),
      "a.md says something else",
    ],
    ["one that is missing", (folder) => rm(join(folder, "in/b.md")), "in/b.md is missing"],
  ] as const satisfies readonly (readonly [string, (folder: string) => Promise<void>, string])[]) {
    test(title, async () => {
      const folder = newFolder();
      writeDocs(folder, "flux", files("a.md", "in/b.md"));
      assert.deepEqual(staleDocs(folder, "flux", files("a.md", "in/b.md")), []);
      await change(folder);
      assert.deepEqual(staleDocs(folder, "flux", files("a.md", "in/b.md")), [expected]);
    });
  }

  test("one of a treaty that is gone", () => {
    const folder = newFolder();
    writeDocs(folder, "flux", files("a.md", "in/b.md"));
    assert.deepEqual(staleDocs(folder, "flux", files("a.md")), ["in/b.md is of something that is gone"]);
  });
});

describe("a folder of documents", () => {
  test("holds what was written last, and what others put there stays", async () => {
    const folder = newFolder();
    writeDocs(folder, "flux", files("a.md", "in/b.md"));
    await writeFile(join(folder, "notes.md"), "mine");
    writeDocs(folder, "flux", files("a.md", "c.md"));
    assert.deepEqual((await readdir(folder)).sort(), ["a.md", "c.md", marker, "in", "notes.md"]);
    assert.deepEqual(await readdir(join(folder, "in")), []);
    assert.equal(await readFile(join(folder, "notes.md"), "utf8"), "mine");
  });

  test("is written again after a run that was cut off", async () => {
    const folder = newFolder();
    writeDocs(folder, "flux", files("a.md", "b.md"));
    await rm(join(folder, "b.md"));
    writeDocs(folder, "flux", files("a.md", "b.md"));
    assert.deepEqual(staleDocs(folder, "flux", files("a.md", "b.md")), []);
  });

  test("that holds something else, or another system's documents, is refused, and nothing is written", async () => {
    const strange = newFolder();
    await mkdir(strange);
    await writeFile(join(strange, "thesis.md"), "mine");
    assert.throws(() => writeDocs(strange, "flux", files("a.md")), refused("docs-folder-not-ours"));
    assert.deepEqual(await readdir(strange), ["thesis.md"]);
    const other = newFolder();
    writeDocs(other, "shop", files("a.md"));
    assert.throws(() => writeDocs(other, "flux", files("b.md")), refused("docs-folder-not-ours"));
    assert.ok(!existsSync(join(other, "b.md")));
  });

  test("in which somebody else's file stands in the way is refused", async () => {
    const folder = newFolder();
    writeDocs(folder, "flux", files("a.md"));
    await writeFile(join(folder, "b.md"), "mine");
    assert.throws(() => writeDocs(folder, "flux", files("a.md", "b.md")), refused("docs-folder-not-ours"));
    assert.equal(await readFile(join(folder, "b.md"), "utf8"), "mine");
  });

  test("that cannot be made is refused", async () => {
    const file = newFolder();
    await writeFile(file, "no folder");
    for (const folder of [file, join(file, "below")])
      assert.throws(() => writeDocs(folder, "flux", files("a.md")), refused("docs-folder-not-writable"));
  });

  test("has a marker that leads nowhere else", async () => {
    const [folder, outside] = [newFolder(), join(home, "outside.md")];
    await writeFile(outside, "mine");
    writeDocs(folder, "flux", files("a.md"));
    const said = { generatedBy: "entente docs", system: "flux", files: ["a.md", "../outside.md"] };
    await writeFile(join(folder, marker), JSON.stringify(said));
    writeDocs(folder, "flux", files("b.md"));
    assert.equal(await readFile(outside, "utf8"), "mine");
  });
});

describe("entente docs", () => {
  test("refuses a system that is not there and a folder that is not ours, with a code", async () => {
    const folder = newFolder();
    await mkdir(folder);
    await writeFile(join(folder, "thesis.md"), "mine");
    for (const [args, code] of [
      [["docs", "nowhere"], "system-unknown"],
      [["docs", "flux", "--out", folder], "docs-folder-not-ours"],
    ] as const) {
      const run = await node(main, ...args);
      assert.equal(run.code, 1, run.out);
      assert.match(run.err, new RegExp(`code: ${code} `));
    }
  });
});
