// Random access to a ZIP archive held in a Blob: PKWARE APPNOTE 6.3.10,
// sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.14 (ZIP64).
// Stored and deflated members only, as chartseal writes them.
const maxMembers = 200000;
const maxDirectory = 64 << 20;
const maxPath = 512;

const fail = (why) => { throw new Error(`zip: ${why}`); };

async function view(blob, from, to) {
  if (from < 0 || to > blob.size || to < from) fail("offset out of range");
  return new DataView(await blob.slice(from, to).arrayBuffer());
}

function u64(data, at) {
  const n = data.getBigUint64(at, true);
  if (n > BigInt(Number.MAX_SAFE_INTEGER)) fail("number too large");
  return Number(n);
}

// readEnd reads the end of central directory record, the file's last 22 bytes:
// an archive comment, or anything behind it, is refused.
async function readEnd(blob) {
  const at = blob.size - 22;
  const record = await view(blob, at, blob.size);
  if (record.getUint32(0, true) !== 0x06054b50 || record.getUint16(20, true) !== 0) fail("no end record");
  if (record.getUint32(4, true) !== 0) fail("split archive");
  const end = { count: record.getUint16(10, true), size: record.getUint32(12, true), offset: record.getUint32(16, true), at };
  const big = end.count === 0xffff || end.size === 0xffffffff || end.offset === 0xffffffff;
  return big ? readEnd64(blob, end) : end;
}

async function readEnd64(blob, end) {
  const locator = await view(blob, end.at - 20, end.at);
  if (locator.getUint32(0, true) !== 0x07064b50) fail("no ZIP64 locator");
  const at = u64(locator, 8);
  const record = await view(blob, at, at + 56);
  if (record.getUint32(0, true) !== 0x06064b50) fail("no ZIP64 end record");
  return { count: u64(record, 32), size: u64(record, 40), offset: u64(record, 48), at };
}

// widen replaces 32-bit fields that overflowed by those of the ZIP64 extra.
function widen(member, extra) {
  for (let at = 0; at + 4 <= extra.byteLength;) {
    const id = extra.getUint16(at, true);
    const size = extra.getUint16(at + 2, true);
    if (at + 4 + size > extra.byteLength) fail("extra field is cut");
    if (id === 1) {
      let p = at + 4;
      for (const field of ["size", "packed", "offset"]) {
        if (member[field] !== 0xffffffff) continue;
        if (p + 8 > at + 4 + size) fail("ZIP64 extra is cut");
        member[field] = u64(extra, p);
        p += 8;
      }
    }
    at += 4 + size;
  }
}

// checkPath refuses names that would leave the folder they are unpacked into.
export function checkPath(path) {
  const bad = path === "" || path.length > maxPath || /[\\:\u0000-\u001f\u007f]/.test(path) || path.startsWith("/")
    || path.split("/").some((part) => part === "." || part === "..");
  if (bad) fail("unsafe member name");
  return path;
}

// readDirectory lists the members of the archive by path, in file order.
export async function readDirectory(blob) {
  const end = await readEnd(blob);
  if (end.count > maxMembers || end.size > maxDirectory || end.offset + end.size !== end.at) fail("directory out of range");
  const data = await view(blob, end.offset, end.offset + end.size);
  const text = new TextDecoder("utf-8", { fatal: true });
  const stamp = end.count ? { time: data.getUint16(12, true), date: data.getUint16(14, true) } : null;
  const members = Object.assign(new Map(), { end: end.offset, stamp });
  const folded = new Set();
  let at = 0;
  for (let i = 0; i < end.count; i++) {
    const member = readEntry(data, at, text);
    at = member.next;
    const key = member.path.normalize("NFC").toLowerCase();
    if (folded.has(key)) fail("two members of one name");
    folded.add(key);
    members.set(member.path, member);
  }
  if (at !== end.size) fail("directory has a wrong length");
  return members;
}

function readEntry(data, at, text) {
  if (at + 46 > data.byteLength || data.getUint32(at, true) !== 0x02014b50) fail("directory entry is damaged");
  const [nameLen, extraLen, commentLen] = [28, 30, 32].map((o) => data.getUint16(at + o, true));
  const next = at + 46 + nameLen + extraLen + commentLen;
  if (next > data.byteLength) fail("directory entry is cut");
  const bytes = (from, n) => new Uint8Array(data.buffer, data.byteOffset + from, n);
  const member = {
    path: checkPath(text.decode(bytes(at + 46, nameLen))), method: data.getUint16(at + 10, true), crc: data.getUint32(at + 16, true),
    streamed: (data.getUint16(at + 8, true) & 8) !== 0, packed: data.getUint32(at + 20, true), size: data.getUint32(at + 24, true), offset: data.getUint32(at + 42, true), next,
  };
  if (data.getUint16(at + 8, true) & 1) fail("member is encrypted");
  if (member.method !== 0 && member.method !== 8) fail("unknown compression");
  widen(member, new DataView(data.buffer, data.byteOffset + at + 46 + nameLen, extraLen));
  return member;
}

// locate reads a member's local header, which must agree with the directory,
// and notes where its bytes begin.
async function locate(blob, member) {
  if (member.start !== undefined) return member;
  const head = await view(blob, member.offset, member.offset + 30);
  if (head.getUint32(0, true) !== 0x04034b50) fail("local header is damaged");
  const [nameLen, extraLen] = [head.getUint16(26, true), head.getUint16(28, true)];
  const rest = await view(blob, member.offset + 30, member.offset + 30 + nameLen + extraLen);
  const local = { crc: head.getUint32(14, true), packed: head.getUint32(18, true), size: head.getUint32(22, true) };
  widen(local, new DataView(rest.buffer, nameLen, extraLen));
  const name = new TextDecoder().decode(new Uint8Array(rest.buffer, 0, nameLen));
  const alike = name === member.path && head.getUint16(8, true) === member.method
    && (member.streamed || local.crc === member.crc && local.packed === member.packed && local.size === member.size);
  if (!alike) fail("local header differs from the directory");
  const start = member.offset + 30 + nameLen + extraLen;
  if (start + member.packed > blob.size) fail("member is cut");
  return Object.assign(member, { start });
}

// packedBlob is the member's bytes as they lie in the archive.
export async function packedBlob(blob, member) {
  const { start, packed } = await locate(blob, member);
  return blob.slice(start, start + packed);
}

// open streams a member's content. The stream fails when the content is
// longer or shorter than the directory says.
export async function open(blob, member) {
  const packed = (await packedBlob(blob, member)).stream();
  if (member.method === 0) return packed.pipeThrough(exactly(member.size));
  return packed.pipeThrough(new DecompressionStream("deflate-raw")).pipeThrough(exactly(member.size));
}

function exactly(size) {
  let seen = 0;
  return new TransformStream({
    transform(chunk, out) {
      seen += chunk.length;
      if (seen > size) fail("member is longer than it says");
      out.enqueue(chunk);
    },
    flush() {
      if (seen !== size) fail("member is shorter than it says");
    },
  });
}

// content is a member's content as a Blob: for stored members a part of the
// archive, for deflated ones a copy made by the browser.
export async function content(blob, member, type = "") {
  if (member.method === 0) return (await packedBlob(blob, member)).slice(0, member.size, type);
  const data = await new Response(await open(blob, member)).blob();
  return data.slice(0, data.size, type);
}

// bytes is a member's content in memory; refused above limit.
export async function bytes(blob, member, limit) {
  if (member.size > limit) fail("member is too large");
  return new Uint8Array(await new Response(await open(blob, member)).arrayBuffer());
}
