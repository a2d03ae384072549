// From sealed stream to verified archive. Nothing is handed out before the
// stream ended cleanly, the signature verified and every digest matched.
import { Decrypter } from "age-encryption";
import { sha256 } from "@noble/hashes/sha2.js";
import { Fault } from "./fault.js";
import * as minisign from "./minisign.js";
import * as zip from "./zip.js";
import { checkForm } from "./zipform.js";
import { describe } from "./dicom.js";
import { sniff } from "./formats.js";

export const schema = "chartseal/manifest/1";
const manifestPath = "manifest.json";
const signaturePath = "manifest.json.minisig";
const tagManifestPath = "tagmanifest-sha256.txt";
const maxManifest = 64 << 20;
const headSize = 256 << 10;
const nativeDigestLimit = 32 << 20;

// What reading a Blob fails with when the browser had no room to keep it (File
// API, section 3.1), which says nothing about what was sent.
const unreadable = new Set(["NotReadableError", "NotFoundError"]);

const magic = "age-encryption.org/v1\n";

// beginsLikeAge says whether a file, however short, may be one of age's.
const beginsLikeAge = (head) => head.every((b, i) => i >= magic.length || b === magic.charCodeAt(i));

// recipientTypes lists the stanza types of an age header (C2SP age, "Header").
export function recipientTypes(head) {
  const text = new TextDecoder("latin1").decode(head);
  if (!text.startsWith(magic)) return null;
  const end = text.indexOf("\n---");
  return [...text.slice(0, end < 0 ? text.length : end + 1).matchAll(/^-> (\S+)/gm)].map((m) => m[1]);
}

// mismatch tells why a secret did not open a header.
function mismatch(types, secret) {
  const locked = types.includes("scrypt");
  if (secret.keys) return locked ? "needs_passphrase" : "wrong_key";
  return locked ? "wrong_passphrase" : "needs_key";
}

// openFault tells what was wrong. A file that the recipient chose may be any
// file; behind the link it can only be one that was changed.
function openFault(err, types, secret, saved) {
  if (err instanceof Fault) return err;
  if (types === null) return new Fault(saved ? "not_age" : "altered");
  if (/no identity matched/.test(err.message)) return new Fault(mismatch(types, secret));
  if (/work factor/.test(err.message)) return new Fault("work_factor");
  return new Fault("altered", err.message);
}

// differs says that the file does not begin as the practice sent it. What is too short
// to tell, and a head that the page does not know, differs from nothing.
function differs(head, known) {
  if (!known?.bytes || head.length < known.bytes) return false;
  return hex(sha256(head.subarray(0, known.bytes))) !== known.sha256;
}

const hex = (sum) => Array.from(sum, (b) => b.toString(16).padStart(2, "0")).join("");

// blame looks whether the file is at fault and not what the recipient entered: no word
// and no key opens a changed header. A file that was picked may belong to another page.
function blame(fault, seen, source, { bytes, head }) {
  if (fault.code === "not_age" || fault.code === "incomplete" || !differs(seen.head, head)) return fault;
  return new Fault(source.saved && source.size !== bytes ? "other_release" : "altered", "another head");
}

// watch counts a stream's bytes and keeps its head for recipientTypes.
function watch(stream, onBytes) {
  const seen = { bytes: 0, head: new Uint8Array(0), done: false, error: null };
  const reader = stream.getReader();
  const pull = async (out) => {
    try {
      const { done, value } = await reader.read();
      if (done) {
        seen.done = true;
        return out.close();
      }
      if (seen.head.length < 16384) seen.head = new Uint8Array([...seen.head, ...value.subarray(0, 16384 - seen.head.length)]);
      seen.bytes += value.length;
      onBytes(seen.bytes);
      return out.enqueue(value);
    } catch (err) {
      seen.error = err;
      throw err;
    }
  };
  return { seen, stream: new ReadableStream({ pull, cancel: () => reader.cancel() }, { highWaterMark: 2 }) };
}

function decrypter(secret) {
  const d = new Decrypter();
  if (!secret.keys) {
    d.addPassphrase(secret.passphrase);
    return d;
  }
  try {
    secret.keys.forEach((key) => d.addIdentity(key));
  } catch (err) {
    throw new Fault("bad_key_file", err.message);
  }
  return d;
}

// decrypt writes the opened stream into store. The size and the head are those that the
// practice announced; 0 and nothing where they are unknown.
export async function decrypt(source, secret, store, expect, report) {
  const expected = expect.bytes;
  const d = decrypter(secret);
  const { seen, stream } = watch(source.stream, (n) => report("fetch", n, source.size || expected));
  try {
    const reader = (await d.decrypt(stream)).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      store.write(value);
    }
  } catch (err) {
    await stream.cancel?.().catch(() => {});
    if (seen.error instanceof Fault) throw seen.error;
    if (seen.error && source.saved) throw new Fault("unreadable", seen.error.message);
    const fault = openFault(err, recipientTypes(seen.head), secret, source.saved);
    const cut = fault.code === "altered" || fault.code === "not_age" && beginsLikeAge(seen.head);
    const short = seen.done && (seen.bytes < expected || seen.bytes === 0);
    throw cut && short ? new Fault("incomplete") : blame(fault, seen, source, expect);
  }
}

async function digest(stream, size, onBytes) {
  const native = globalThis.isSecureContext !== false && size <= nativeDigestLimit;
  const hash = native ? null : sha256.create();
  const all = native ? new Uint8Array(size) : null;
  const head = new Uint8Array(Math.min(size, headSize));
  let at = 0;
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (at < head.length) head.set(value.subarray(0, head.length - at), at);
    if (native) all.set(value, at);
    else hash.update(value);
    at += value.length;
    onBytes(value.length);
  }
  const sum = native ? new Uint8Array(await crypto.subtle.digest("SHA-256", all)) : hash.digest();
  return { head, hex: hex(sum) };
}

async function readManifest(archive, members, expect) {
  const file = members.get(manifestPath);
  const signature = members.get(signaturePath);
  if (!file || !signature) throw new Fault("unsigned");
  const data = await zip.bytes(archive, file, maxManifest);
  const text = new TextDecoder().decode(await zip.bytes(archive, signature, 4096));
  minisign.verify(data, text, expect.signer);
  const manifest = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(data));
  if (manifest.schema !== schema || !Array.isArray(manifest.records) || !Array.isArray(manifest.files)) throw new Fault("too_new");
  if (expect.reference && manifest.reference !== expect.reference) throw new Fault("other_release");
  return manifest;
}

// checkOne hashes one listed file and looks into its first bytes.
async function checkOne(archive, members, listed, onBytes) {
  const member = members.get(listed.path);
  if (!member || member.size !== listed.bytes) throw new Fault("altered", "a listed file is missing or has another size");
  const { head, hex } = await digest(await zip.open(archive, member), member.size, onBytes);
  if (hex !== listed.sha256) throw new Fault("altered", "a digest differs");
  return head;
}

// checkRest makes sure that nothing is in the archive that the signed manifest
// does not vouch for: besides what it lists only itself, its signature and
// the tag manifest (RFC 8493 section 2.2.1), whose every line is known.
async function checkRest(archive, members, manifest, onBytes) {
  const listed = new Map([...manifest.records, ...manifest.files].map((f) => [f.path, f.sha256]));
  if (listed.size !== manifest.records.length + manifest.files.length) throw new Fault("altered", "a path is listed twice");
  for (const path of [manifestPath, signaturePath]) {
    const member = members.get(path);
    listed.set(path, (await digest(await zip.open(archive, member), member.size, onBytes)).hex);
  }
  const extra = [...members.keys()].filter((path) => !listed.has(path));
  if (extra.some((path) => path !== tagManifestPath)) throw new Fault("altered", "an unlisted file");
  if (extra.length === 0) return;
  const text = new TextDecoder().decode(await zip.bytes(archive, members.get(tagManifestPath), 1 << 20));
  const known = text.split("\n").slice(0, -1).every((line) => {
    const [sum, path] = [line.slice(0, 64), line.slice(66)];
    return line.slice(64, 66) === "  " && !path.startsWith("data/") && listed.get(path) === sum;
  });
  if (!known || !text.endsWith("\n")) throw new Fault("altered", "tag manifest differs");
}

// check verifies the signature, then every digest of the manifest.
export async function check(archive, expect, report) {
  try {
    const members = await zip.readDirectory(archive);
    await checkForm(archive, members);
    const manifest = await readManifest(archive, members, expect);
    const total = [...members.values()].reduce((sum, m) => sum + m.size, 0);
    let done = 0;
    const onBytes = (n) => report("check", done += n, total);
    const records = [];
    for (const record of manifest.records) {
      const head = await checkOne(archive, members, record, onBytes);
      const format = sniff(head);
      records.push({ ...record, format, image: format === "dicom" ? describe(head) : null });
    }
    for (const file of manifest.files) await checkOne(archive, members, file, onBytes);
    await checkRest(archive, members, manifest, onBytes);
    return { manifest, records, members };
  } catch (err) {
    throw err instanceof Fault ? err : new Fault(unreadable.has(err.name) ? "no_space" : "altered", err.message);
  }
}
