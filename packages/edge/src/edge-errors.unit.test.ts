import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { edgeErrors, streamCloses } from "./edge-errors.ts";
import { openProblemTable } from "./problem.ts";

/** Failures of the edge that stop it from starting; no caller ever sees them. */
const atStart = ["route-without-access", "token-settings-unsafe"];
/** Failures that end a WebSocket; their codes are close reasons. */
const ofStreams = Object.keys(streamCloses);

const sources = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith(".ts") && !/\.(test|fixture)\.ts$/.test(name))
  .map((name) => readFileSync(new URL(name, import.meta.url), "utf8"))
  .join("\n");

describe("the error catalogue", () => {
  const codes = new Set(edgeErrors.map(({ code }) => code));

  test("lists every code the sources throw", () => {
    const thrown = [
      ...sources.matchAll(/new Failure\(\s*"[a-z-]+",\s*"([a-z-]+)"/g),
      ...sources.matchAll(/new Invalid\(\s*"([a-z-]+)"/g),
      ...sources.matchAll(/(?:HPE|ERR|FST|ECONN)[A-Z_]+: "([a-z-]+)"/g),
    ].map((match) => match[1] as string);
    assert.ok(thrown.length > 40, `found only ${thrown.length}: the patterns have gone stale`);
    const missing = thrown.filter(
      (code) => !codes.has(code) && !atStart.includes(code) && !ofStreams.includes(code),
    );
    assert.deepStrictEqual([...new Set(missing)], []);
  });

  test("each code once, in words and dashes, with a sentence and a status that fits", () => {
    assert.equal(codes.size, edgeErrors.length);
    for (const { code, status, meaning } of edgeErrors) {
      assert.match(code, /^[a-z]+(-[a-z]+)*$/);
      assert.ok(status >= 400 && status <= 504, code);
      assert.match(meaning, /^[A-Z`].*\.$/s, code);
    }
  });

  test("an answer that asks to come back says when", () => {
    for (const entry of edgeErrors.filter(({ status }) => status === 429 || status === 503)) {
      const known = entry.retryAfterSeconds ?? (entry.shows?.includes("expectedWaitSeconds") ? 1 : undefined);
      assert.ok(known !== undefined && known > 0, entry.code);
    }
  });

  test("a system's own codes join it and cannot take another's place", () => {
    const own = { code: "account-unknown", status: 404, meaning: "None." };
    assert.equal(openProblemTable([own]).errors.length, edgeErrors.length + 1);
    assert.throws(() => openProblemTable([{ ...own, code: "token-missing" }]), TypeError);
  });
});
