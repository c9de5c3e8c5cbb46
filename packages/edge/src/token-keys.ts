import { createPublicKey, type KeyObject } from "node:crypto";
import { Failure } from "@entente/core/model";
import {
  createRemoteJWKSet,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify,
} from "jose";

export type SigningAlgorithm = "EdDSA" | "ES256" | "RS256";

/** Where tokens come from. The kind of key fixes the algorithms: a token cannot choose. */
export type TokenKey =
  /** HS256, at least 32 bytes. Dev mode only. */
  | { readonly kind: "secret"; readonly secret: Uint8Array }
  /** One public key as PEM (SPKI). */
  | { readonly kind: "public-key"; readonly pem: string; readonly algorithm: SigningAlgorithm }
  /** An https URL; plain http on a loopback address only. */
  | { readonly kind: "jwks"; readonly url: string };

export type SignatureCheck = (token: string, options: JWTVerifyOptions) => Promise<{ payload: JWTPayload }>;

/** Errors: `token-settings-unsafe` (refused). Errors of the check: those of jose; `token-keys-unavailable` (unavailable). */
export function openSignatureCheck(key: TokenKey, mode: "dev" | "production"): SignatureCheck {
  switch (key.kind) {
    case "secret": {
      if (mode === "production") throw unsafe("A shared secret does not guard a production server.");
      if (key.secret.length < 32) throw unsafe("The secret is shorter than 32 bytes.");
      return (token, options) => jwtVerify(token, key.secret, { ...options, algorithms: ["HS256"] });
    }
    case "public-key": {
      const publicKey = publicKeyOf(key.pem, key.algorithm);
      return (token, options) => jwtVerify(token, publicKey, { ...options, algorithms: [key.algorithm] });
    }
    case "jwks": {
      const url = new URL(key.url);
      const loopback = ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname);
      if (url.protocol !== "https:" && !(url.protocol === "http:" && loopback)) {
        throw unsafe("Keys are fetched over https only.");
      }
      const remote = createRemoteJWKSet(url, { timeoutDuration: 3_000 });
      const getKey: JWTVerifyGetKey = async (header, input) => {
        try {
          return await remote(header, input);
        } catch (error) {
          throw isAboutTheToken(error) ? error : keysUnavailable(error);
        }
      };
      return (token, options) =>
        jwtVerify(token, getKey, { ...options, algorithms: ["EdDSA", "ES256", "RS256"] });
    }
  }
}

const keyTypes: Readonly<Record<SigningAlgorithm, string>> = { EdDSA: "ed25519", ES256: "ec", RS256: "rsa" };

function publicKeyOf(pem: string, algorithm: SigningAlgorithm): KeyObject {
  const publicKey = createPublicKey(pem);
  if (publicKey.asymmetricKeyType !== keyTypes[algorithm]) {
    throw unsafe(`The public key is not a key for ${algorithm}.`);
  }
  return publicKey;
}

function isAboutTheToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  );
}

function keysUnavailable(cause: unknown): Failure {
  return new Failure(
    "unavailable",
    "token-keys-unavailable",
    "The keys that tokens are checked with cannot be fetched.",
    {
      cause,
    },
  );
}

function unsafe(message: string): Failure {
  return new Failure("refused", "token-settings-unsafe", message);
}
