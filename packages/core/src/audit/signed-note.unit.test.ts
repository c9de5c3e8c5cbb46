import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openCheckpoint, signCheckpoint } from "./checkpoint.ts";
import {
  isKeyName,
  type NoteVerifier,
  noteVerifier,
  openNote,
  readSigningKey,
  signingKey,
  signingKeyText,
  signNote,
  verifierNamed,
} from "./signed-note.ts";

function verifierOf(text: string): NoteVerifier {
  const verifier = noteVerifier(text);
  assert.ok(verifier !== null, text);
  return verifier;
}

// From the text of c2sp.org/signed-note.
const exampleKey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const exampleNote = `This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
`;
// From the tests of golang.org/x/mod/sumdb/note.
const peterSecret = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const peterKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const enochKey = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
const peterText =
  "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const peterLine =
  "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const enochLine =
  "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

describe("public vectors", () => {
  test("the example of the specification verifies", () => {
    assert.deepEqual(openNote(exampleNote, [verifierOf(exampleKey)]), {
      text: "This is an example message.\n",
      signedBy: ["example.com/foo"],
    });
  });

  test("the reference implementation's key signs, byte for byte, what it signs there", () => {
    const key = readSigningKey(peterSecret);
    assert.equal(key?.named(key.name).verifierKey, peterKey);
    assert.equal(
      signNote(peterText, key === null ? [] : [key.named(key.name)]),
      `${peterText}\n${peterLine}`,
    );
  });

  test("signatures of keys nobody asked for are passed over, those of known ones are all named", () => {
    const note = `${peterText}\n${peterLine}${enochLine}`;
    const [peter, enoch] = [verifierOf(peterKey), verifierOf(enochKey)];
    assert.deepEqual(openNote(note, [peter]), { text: peterText, signedBy: ["PeterNeumann"] });
    assert.deepEqual(openNote(note, [peter, enoch]), {
      text: peterText,
      signedBy: ["PeterNeumann", "EnochRoot"],
    });
  });

  test("a known key's false signature refuses the note, whoever else signed", () => {
    const forged = enochLine.replace("rwz+eBzm", "rwz+eBzn");
    const note = `${peterText}\n${peterLine}${forged}`;
    const both = [verifierOf(peterKey), verifierOf(enochKey)];
    assert.deepEqual(openNote(note, both), { refused: "note-forged" });
    assert.deepEqual(openNote(note.replace("problem is", "problem was"), both), { refused: "note-forged" });
    assert.deepEqual(openNote(note, []), { refused: "note-unsigned" });
  });

  test("a key text with any byte changed is no key", () => {
    for (let i = 0; i < peterKey.length; i++) {
      const changed = `${peterKey.slice(0, i)}${peterKey[i] === "B" ? "C" : "B"}${peterKey.slice(i + 1)}`;
      assert.equal(noteVerifier(changed), null, changed);
      assert.equal(noteVerifier(peterKey.slice(0, i)), null);
    }
    assert.equal(
      noteVerifier("PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY=="),
      null,
    );
    assert.equal(noteVerifier("PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"), null);
  });
});

test("what is not the text of a note is refused as that", () => {
  const peter = [verifierOf(peterKey)];
  const malformed = { refused: "note-malformed" };
  for (const note of [
    "",
    peterText,
    `${peterText}\n`,
    `${peterText}${peterLine}`,
    `${peterText}\n${peterLine.trimEnd()}`,
    `${peterText}\n${peterLine}\n`,
    `${peterText}\n${peterLine.replace("— ", "- ")}`,
    `${peterText}\n${peterLine.replace("=", "")}`,
    `${peterText}\t\n${peterLine}`,
    `${peterText}\n${peterLine.repeat(101)}`,
    `${peterText}\n— PeterNeumann AAAA\n`,
  ]) {
    assert.deepEqual(openNote(note, peter), malformed, JSON.stringify(note));
  }
  assert.ok("text" in openNote(`${peterText}\n${peterLine.repeat(16)}`, peter));
  assert.throws(() => signNote("no newline", []), TypeError);
  for (const name of ["", "a b", "a+b", "a\u2003b"]) assert.ok(!isKeyName(name), name);
});

const seed = Buffer.alloc(32, 9);

test("a key's text gives the key back, and one pair of numbers signs for several logs that do not stand in for each other", () => {
  const key = readSigningKey(signingKeyText("flux.example/audit", seed));
  assert.ok(key !== null);
  const [one, two] = ["flux.example/audit/one", "flux.example/audit/two"].map((name) => key.named(name));
  assert.ok(one !== undefined && two !== undefined);
  const root = Buffer.alloc(32, 1);
  const note = signCheckpoint({ origin: one.name, size: 7, root }, one);
  assert.deepEqual(openCheckpoint(note, verifierOf(one.verifierKey)), { origin: one.name, size: 7, root });
  assert.deepEqual(openCheckpoint(note, verifierOf(two.verifierKey)), { refused: "note-unsigned" });
  assert.equal(verifierNamed(one.verifierKey, two.name)?.keyId, two.keyId);
  const said = signCheckpoint({ origin: two.name, size: 7, root }, one);
  assert.deepEqual(openCheckpoint(said, verifierOf(one.verifierKey)), {
    refused: "checkpoint-of-another-log",
  });
  const another = signingKey(one.name, Buffer.alloc(32, 8)).named(one.name);
  assert.deepEqual(openCheckpoint(note, verifierOf(another.verifierKey)), { refused: "note-unsigned" });
});

test("a signed text that is no checkpoint is not taken for one", () => {
  const signer = signingKey("log.example", seed).named("log.example");
  const root = Buffer.alloc(32).toString("base64");
  for (const text of [
    `log.example\n01\n${root}\n`,
    `log.example\n-1\n${root}\n`,
    `log.example\n9007199254740993\n${root}\n`,
    `log.example\n1\n${root.slice(4)}\n`,
    "log.example\n1\n",
    `log.example\n\n1\n${root}\n`,
  ]) {
    const opened = openCheckpoint(signNote(text, [signer]), verifierOf(signer.verifierKey));
    assert.deepEqual(opened, { refused: "checkpoint-malformed" }, JSON.stringify(text));
  }
  const extended = signNote(`log.example\n1\n${root}\nextension\n`, [signer]);
  assert.ok("size" in openCheckpoint(extended, verifierOf(signer.verifierKey)));
});
