/** The guide "Your first treaty" as its reader follows it: every block is run, in order, in a fresh folder. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { disposeAll, startProcess, testServer } from "@entente/testkit";

const root = fileURLToPath(new URL("..", import.meta.url));
const guide = await readFile(join(root, "docs/guides/your-first-treaty.md"), "utf8");
const example = join(root, "examples/your-first-treaty");
const clone = await mkdtemp(join(tmpdir(), "first-treaty-"));
after(async () => {
  await disposeAll();
  await rm(clone, { recursive: true, force: true });
});

/** A fenced block: its language, what stands behind that, and its text. */
interface Block {
  readonly language: string;
  readonly about: string;
  readonly text: string;
}

const blocks: readonly Block[] = [...guide.matchAll(/^```(\w+) ?(.*)\n([\s\S]*?)^```$/gm)].map(
  ([, language = "", about = "", text = ""]) => ({ language, about, text }),
);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** A shell script with a mark before each block, so that its output can be told apart. */
function scriptOf(steps: readonly Block[]): string {
  const written = steps.map(({ language, about, text }, n) => {
    const step = language === "ts" ? `cat > ${about} <<'END-OF-FILE'\n${text}END-OF-FILE` : text;
    return `echo "=== ${n}"\n${step}\necho`;
  });
  return ["set -e", ...written, 'echo "=== end"'].join("\n");
}

/** Lines, of which `…` stands for anything, in their order. */
function expected(text: string): RegExp {
  const lines = text
    .trim()
    .split("\n")
    .map((line) => line.split("…").map(RegExp.escape).join(".*"));
  return new RegExp(lines.join("[\\s\\S]*\n[^\n]*"));
}

test("the files of the example are those of the guide", async () => {
  const files = blocks.filter(({ language }) => language === "ts");
  assert.deepEqual(files.map(({ about }) => about).sort(), (await readdir(example)).sort());
  for (const { about, text } of files)
    assert.equal(text, await readFile(join(example, about), "utf8"), about);
});

test("every step of the guide does what the guide says", async () => {
  const port = String(await freePort());
  const here = (text: string): string => text.replaceAll("4010", port);
  // A clone in which `npm ci` has run, as far as the guide can see.
  await symlink(join(root, "node_modules"), join(clone, "node_modules"));
  const second = blocks.find(({ about }) => about === "second-terminal");
  assert.ok(second);
  const options = {
    cwd: clone,
    env: {
      // Started from a test, it would report to that one.
      NODE_TEST_CONTEXT: undefined,
      // One server for both runs of the suite; without it each brings its own.
      ENTENTE_TEST_DATABASE_URL: await testServer(),
      NO_PROXY: "localhost",
      no_proxy: "localhost",
    },
  };
  await startProcess({
    ...options,
    name: "second terminal",
    command: "bash",
    args: ["-c", here(second.text)],
    readyLine: /^ready http/,
    readyTimeoutMs: 60_000,
  });

  const steps = blocks.filter((one) => one !== second && one.language !== "text");
  await writeFile(join(clone, "guide.sh"), here(scriptOf(steps)));
  const reader = await startProcess({
    ...options,
    name: "reader",
    command: "bash",
    args: ["-c", "bash guide.sh > output 2>&1; echo done"],
    readyLine: /^done$/,
    readyTimeoutMs: 240_000,
  });
  await reader.exited;
  const output = await readFile(join(clone, "output"), "utf8");
  assert.match(output, /^=== end$/m, output);
  const said = output.split(/^=== (?:\d+|end)\n/m).slice(1);
  for (const [n, block] of blocks.entries()) {
    if (block.language !== "text") continue;
    const step = blocks[n - 1] as Block;
    assert.match(said[steps.indexOf(step)] ?? "", expected(block.text), step.text);
  }
  assert.ok(
    blocks.filter(({ language }) => language === "text").length >= 5,
    "the guide says what to expect",
  );
});
