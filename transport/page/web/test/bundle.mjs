// Makes bundles as chartseal does (manifest, minisign signature, ZIP, age),
// with stock libraries, and ways to spoil them.
import { createHash, randomBytes } from "node:crypto";
import { crc32, deflateRawSync } from "node:zlib";
import { ed25519 } from "@noble/curves/ed25519.js";
import { blake2b } from "@noble/hashes/blake2.js";
import { Encrypter } from "age-encryption";

export const passphrase = "crop-unlit-mossy-dingo-relax-salute";

// signer makes a minisign key pair.
export function signer() {
  const secret = ed25519.utils.randomSecretKey();
  const id = randomBytes(8);
  const publicKey = Buffer.concat([Buffer.from("Ed"), id, ed25519.getPublicKey(secret)]).toString("base64");
  return { secret, id, publicKey };
}

// minisign signs a message; legacy leaves out the prehash.
export function minisign(message, key, { comment = "timestamp:1\tfile:manifest.json", legacy = false } = {}) {
  const signature = Buffer.from(ed25519.sign(legacy ? message : blake2b(message, { dkLen: 64 }), key.secret));
  const global = Buffer.from(ed25519.sign(Buffer.concat([signature, Buffer.from(comment)]), key.secret));
  const line = Buffer.concat([Buffer.from(legacy ? "Ed" : "ED"), key.id, signature]).toString("base64");
  return Buffer.from(`untrusted comment: signature\n${line}\ntrusted comment: ${comment}\n${global.toString("base64")}\n`);
}

function header(signature, size, m, central) {
  const b = Buffer.alloc(size);
  b.writeUInt32LE(signature, 0);
  const at = central ? 6 : 4;
  if (central) b.writeUInt16LE(20, 4);
  b.writeUInt16LE(20, at);
  b.writeUInt16LE(0x0800, at + 2);
  b.writeUInt16LE(m.method, at + 4);
  b.writeUInt16LE(0x21, at + 8);
  b.writeUInt32LE(m.crc, at + 10);
  b.writeUInt32LE(m.packed.length, at + 14);
  b.writeUInt32LE(m.data.length, at + 18);
  b.writeUInt16LE(Buffer.byteLength(m.name), at + 22);
  if (central) b.writeUInt32LE(m.offset, 42);
  return Buffer.concat([b, Buffer.from(m.name)]);
}

// zip packs [name, data] pairs, stored or deflated by turns unless told.
export function zip(files, { method } = {}) {
  const parts = [];
  const directory = [];
  let offset = 0;
  files.forEach(([name, data], i) => {
    const how = method ?? (i % 2 ? 8 : 0);
    const m = { name, data, method: how, crc: crc32(data) >>> 0, packed: how ? deflateRawSync(data, { level: 1 }) : data, offset };
    const head = header(0x04034b50, 30, m, false);
    parts.push(head, m.packed);
    directory.push(header(0x02014b50, 46, m, true));
    offset += head.length + m.packed.length;
  });
  const list = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(list.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, list, end]);
}

export const sha256 = (data) => createHash("sha256").update(data).digest("hex");

const added = {
  "START-HERE.html": "<!doctype html><title>Start here</title>", "bagit.txt": "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
  "data/README.TXT": "Dental records.\r\n",
};

const checksum = (files) => Buffer.from(files.map(([path, data]) => `${sha256(data)}  ${path}\n`).join(""));

// archive makes the ZIP of a release; change may spoil the manifest before
// (manifest) or the members after signing (members).
export function archive(records, key, { reference = "k3v9q2m7x4ba", change = {}, legacy = false, method } = {}) {
  const content = records.map((r) => [r.path, r.data]);
  const extra = Object.entries(added).map(([path, text]) => [path, Buffer.from(text)]);
  extra.push(["manifest-sha256.txt", checksum([...content, ...extra].filter(([path]) => path.startsWith("data/")))]);
  const manifest = {
    schema: "chartseal/manifest/1", order: "R-2026-0113", reference, created: "2026-11-18T10:00:00Z", practice: { name: "Lakeside Dental" },
    recipient: { name: "Maria Alvarez", kind: "self" }, patient: { id: "10432", name: "Alvarez, Maria", birth_date: "1984-03-09" },
    records: records.map(({ data, ...r }) => ({ ...r, bytes: data.length, sha256: sha256(data) })),
    files: extra.map(([path, data]) => ({ path, bytes: data.length, sha256: sha256(data) })),
  };
  change.manifest?.(manifest);
  const text = Buffer.from(JSON.stringify(manifest, null, 2));
  const signed = [["manifest.json", text], ["manifest.json.minisig", minisign(text, key, { legacy })]];
  const tags = checksum([...signed, ...extra].filter(([path]) => !path.startsWith("data/")));
  const files = [...content, ...extra, ...signed, ["tagmanifest-sha256.txt", tags]];
  return zip(change.members ? change.members(files) : files, { method });
}

// encrypter encrypts for a passphrase or a recipient.
export function encrypter({ recipient, workFactor = 15 } = {}) {
  const e = new Encrypter();
  if (recipient) {
    e.addRecipient(recipient);
  } else {
    e.setScryptWorkFactor(workFactor);
    e.setPassphrase(passphrase);
  }
  return e;
}

// seal encrypts a whole archive. The work factor is low to keep the tests quick;
// one of them tries those that are used.
export async function seal(data, { recipient, workFactor = 10 } = {}) {
  return Buffer.from(await encrypter({ recipient, workFactor }).encrypt(data));
}
