import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { sha256 } from "./merkle-tree.ts";

/**
 * Signed notes and their Ed25519 keys, as c2sp.org/signed-note has them; the text form of signing keys is that of
 * golang.org/x/mod/sumdb/note.
 */

const ed25519 = 1;
/** Signature lines a reader looks at; the specification wants at least 16. */
const signaturesAllowed = 100;
const noteBytesAllowed = 1_000_000;

export interface NoteVerifier {
  readonly name: string;
  /** Eight hexadecimal digits. */
  readonly keyId: string;
  verify(text: string, signature: Uint8Array): boolean;
}

export interface NoteSigner {
  readonly name: string;
  readonly keyId: string;
  /** The public key as text, for readers. */
  readonly verifierKey: string;
  sign(text: string): Buffer;
}

/** A private key under which several names may sign: a key is a name and a pair of numbers. */
export interface SigningKey {
  readonly name: string;
  /** The signer under another name. */
  named(name: string): NoteSigner;
}

/** Why a note is not believed. */
export type NoteRefusal =
  /** It is not the text of a signed note. */
  | "note-malformed"
  /** None of its signatures is by a key that is asked for. */
  | "note-unsigned"
  /** A signature says it is by a key that is asked for, and is not. */
  | "note-forged";

export type OpenedNote =
  | { readonly text: string; readonly signedBy: readonly string[] }
  | { readonly refused: NoteRefusal };

/** Names are not empty and hold neither spaces nor `+`. */
export function isKeyName(name: string): boolean {
  return name !== "" && !/[\s+\p{Z}]/u.test(name) && name.isWellFormed();
}

function keyIdOf(name: string, publicKey: Uint8Array): string {
  return sha256(Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(ed25519), publicKey]))
    .subarray(0, 4)
    .toString("hex");
}

/** Strict base64: what does not come back the same was not written by an encoder. */
function bytesOf(base64: string): Buffer | null {
  const bytes = Buffer.from(base64, "base64");
  return bytes.toString("base64") === base64 ? bytes : null;
}

function publicKeyOf(raw: Uint8Array): KeyObject {
  return createPublicKey({
    key: { kty: "OKP", crv: "Ed25519", x: Buffer.from(raw).toString("base64url") },
    format: "jwk",
  });
}

/** A verifier from its text `name+hash+base64`; null when that is not the text of an Ed25519 key. */
export function noteVerifier(text: string): NoteVerifier | null {
  const [, name = "", keyId = "", base64 = ""] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/s.exec(text) ?? [];
  const key = bytesOf(base64);
  if (!isKeyName(name) || key === null || key.length !== 33 || key[0] !== ed25519) return null;
  const raw = key.subarray(1);
  if (keyIdOf(name, raw) !== keyId) return null;
  const publicKey = publicKeyOf(raw);
  return { name, keyId, verify: (said, signature) => verify(null, Buffer.from(said), publicKey, signature) };
}

/** A verifier for another name of the same key pair. */
export function verifierNamed(text: string, name: string): NoteVerifier | null {
  const base64 = text.slice(text.indexOf("+", text.indexOf("+") + 1) + 1);
  const raw = bytesOf(base64)?.subarray(1);
  if (noteVerifier(text) === null || raw === undefined) return null;
  return noteVerifier(`${name}+${keyIdOf(name, raw)}+${base64}`);
}

const pkcs8Ed25519 = Buffer.from("302e020100300506032b657004220420", "hex");

/** A signing key from 32 secret bytes. The name must satisfy isKeyName. */
export function signingKey(name: string, seed: Uint8Array): SigningKey {
  const secret = createPrivateKey({ key: Buffer.concat([pkcs8Ed25519, seed]), format: "der", type: "pkcs8" });
  const raw = Buffer.from(createPublicKey(secret).export({ format: "jwk" }).x as string, "base64url");
  return {
    name,
    named(own) {
      const keyId = keyIdOf(own, raw);
      return {
        name: own,
        keyId,
        verifierKey: `${own}+${keyId}+${Buffer.concat([Buffer.of(ed25519), raw]).toString("base64")}`,
        sign: (text) => sign(null, Buffer.from(text), secret),
      };
    },
  };
}

/** The text a signing key is kept as: `PRIVATE+KEY+name+hash+base64`. */
export function signingKeyText(name: string, seed: Uint8Array): string {
  const { keyId } = signingKey(name, seed).named(name);
  return `PRIVATE+KEY+${name}+${keyId}+${Buffer.concat([Buffer.of(ed25519), seed]).toString("base64")}`;
}

/** A signing key from its text; null when it is none. */
export function readSigningKey(text: string): SigningKey | null {
  const match = /^PRIVATE\+KEY\+([^+]+)\+([0-9a-f]{8})\+(.+)$/s.exec(text.trim());
  const [, name = "", keyId = "", base64 = ""] = match ?? [];
  const key = bytesOf(base64);
  if (!isKeyName(name) || key === null || key.length !== 33 || key[0] !== ed25519) return null;
  const read = signingKey(name, key.subarray(1));
  return read.named(name).keyId === keyId ? read : null;
}

/** Signs a text, which must end with a newline and hold no other control characters. */
export function signNote(text: string, signers: readonly NoteSigner[]): string {
  if (!isNoteText(text)) throw new TypeError("not a note text");
  const lines = signers.map((signer) => {
    const signature = Buffer.concat([Buffer.from(signer.keyId, "hex"), signer.sign(text)]);
    return `— ${signer.name} ${signature.toString("base64")}\n`;
  });
  return `${text}\n${lines.join("")}`;
}

function isNoteText(text: string): boolean {
  if (!text.endsWith("\n") || !text.isWellFormed()) return false;
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) < 0x20 && text[i] !== "\n") return false;
  }
  return true;
}

/** The text of a note that at least one of the verifiers vouches for. A false signature of any of them refuses it all. */
export function openNote(note: string, verifiers: readonly NoteVerifier[]): OpenedNote {
  const malformed = { refused: "note-malformed" } as const;
  if (note.length > noteBytesAllowed || !isNoteText(note)) return malformed;
  const end = note.lastIndexOf("\n\n");
  if (end < 0) return malformed;
  const text = note.slice(0, end + 1);
  const lines = note.slice(end + 2, -1).split("\n");
  if (lines.length > signaturesAllowed || note.length === end + 2) return malformed;
  const signedBy: string[] = [];
  for (const line of lines) {
    const [, name = "", base64 = ""] = /^— (\S+) (\S+)$/.exec(line) ?? [];
    const bytes = bytesOf(base64);
    if (!isKeyName(name) || bytes === null || bytes.length < 5) return malformed;
    const keyId = bytes.subarray(0, 4).toString("hex");
    const known = verifiers.find((verifier) => verifier.name === name && verifier.keyId === keyId);
    if (known === undefined) continue;
    if (!known.verify(text, bytes.subarray(4))) return { refused: "note-forged" };
    if (!signedBy.includes(known.name)) signedBy.push(known.name);
  }
  return signedBy.length === 0 ? { refused: "note-unsigned" } : { text, signedBy };
}
