// Verification of minisign signatures, file format as documented by minisign
// (jedisct1.github.io/minisign, "Signature format" and "Public key format").
import { ed25519 } from "@noble/curves/ed25519.js";
import { blake2b } from "@noble/hashes/blake2.js";
import { Fault } from "./fault.js";

const utf8 = new TextEncoder();

// decodeBase64 takes the one canonical form (RFC 4648 section 3.5) only.
function decodeBase64(text) {
  const raw = atob(text);
  if (btoa(raw) !== text) throw new Error("not base64");
  return Uint8Array.from(raw, (c) => c.charCodeAt(0));
}

function same(a, b) {
  return a.length === b.length && a.every((v, i) => v === b[i]);
}

// parseKey reads a public key: the one-line form, or a whole .pub file.
export function parseKey(text) {
  const line = text.trim().split(/\r?\n/).pop().trim();
  const raw = decodeBase64(line);
  if (raw.length !== 42 || raw[0] !== 0x45 || raw[1] !== 0x64) throw new Error("not a minisign public key");
  return { id: raw.slice(2, 10), key: raw.slice(10) };
}

// parseSignature reads the four lines of a .minisig file.
export function parseSignature(text) {
  const lines = text.split(/\r?\n/);
  if (lines.length < 4 || !lines[0].startsWith("untrusted comment:") || !lines[2].startsWith("trusted comment: ")) {
    throw new Error("not a minisign signature");
  }
  const raw = decodeBase64(lines[1].trim());
  const global = decodeBase64(lines[3].trim());
  const algorithm = String.fromCharCode(raw[0], raw[1]);
  if (raw.length !== 74 || global.length !== 64) throw new Error("minisign signature has a wrong length");
  if (algorithm !== "ED" && algorithm !== "Ed") throw new Error("unknown minisign algorithm");
  const comment = lines[2].slice("trusted comment: ".length);
  return { algorithm, id: raw.slice(2, 10), signature: raw.slice(10), comment, global };
}

// verify checks a message against a signature and a public key, all as read
// from files, and returns the trusted comment. "ED" signs the BLAKE2b-512
// digest, "Ed" (legacy) the message itself; the second signature covers the
// first and the comment. Points are checked strictly (RFC 8032).
export function verify(message, signatureText, keyText) {
  let key;
  let sig;
  try {
    key = parseKey(keyText);
    sig = parseSignature(signatureText);
  } catch (err) {
    throw new Fault("bad_signature", err.message);
  }
  if (!same(key.id, sig.id)) throw new Fault("other_signer", "signed by another key");
  const signed = sig.algorithm === "ED" ? blake2b(message, { dkLen: 64 }) : message;
  const comment = utf8.encode(sig.comment);
  const both = new Uint8Array(64 + comment.length);
  both.set(sig.signature);
  both.set(comment, 64);
  const strict = { zip215: false };
  const good = ed25519.verify(sig.signature, signed, key.key, strict)
    && ed25519.verify(sig.global, both, key.key, strict);
  if (!good) throw new Fault("bad_signature", "signature does not verify");
  return sig.comment;
}
