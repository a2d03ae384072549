// The one form of ZIP that a bundle has, so strict that every byte is either
// content or follows from the directory; it is that of packager/bundle/zipform
// (PKWARE APPNOTE 6.3.10, sections 4.3.7, 4.3.9, 4.3.12, 4.3.14 to 4.3.16).
const max32 = 0xffffffff;
const utf8Names = 0x0800;
const streamedFlag = 0x0008;

class Bytes {
  constructor() { this.list = []; }

  add(size, ...values) {
    for (const value of values) {
      let rest = value;
      for (let i = 0; i < size; i++, rest = Math.floor(rest / 256)) this.list.push(rest % 256);
    }
    return this;
  }

  text(bytes) {
    for (const b of bytes) this.list.push(b);
    return this;
  }

  done() { return Uint8Array.from(this.list); }
}

const nameOf = (member) => new TextEncoder().encode(member.path);
const isBig = (member) => member.size >= max32;

function extra(values) {
  return values.length ? new Bytes().add(2, 1, 8 * values.length).add(8, ...values).done() : new Uint8Array(0);
}

// common writes the fields that local and central records share.
function common(bytes, member, stamp, need, sizes) {
  return bytes.add(2, need, utf8Names | (member.streamed ? streamedFlag : 0), member.method, stamp.time, stamp.date).add(4, ...sizes);
}

// local is a member's local file header.
export function local(member, stamp) {
  const name = nameOf(member);
  let sizes = member.streamed ? [0, 0, 0] : [member.crc, member.packed, member.size];
  const more = extra(isBig(member) ? [sizes[2], sizes[1]] : []);
  if (isBig(member)) sizes = [sizes[0], max32, max32];
  const bytes = common(new Bytes().add(4, 0x04034b50), member, stamp, isBig(member) ? 45 : 20, sizes);
  return bytes.add(2, name.length, more.length).text(name).text(more).done();
}

// descriptor follows a streamed member.
export function descriptor(member) {
  if (!member.streamed) return new Uint8Array(0);
  return new Bytes().add(4, 0x08074b50, member.crc).add(isBig(member) ? 8 : 4, member.packed, member.size).done();
}

// central is a member's record in the central directory.
export function central(member, stamp) {
  const name = nameOf(member);
  const far = member.offset >= max32;
  const more = extra([...(isBig(member) ? [member.size, member.packed] : []), ...(far ? [member.offset] : [])]);
  const sizes = isBig(member) ? [member.crc, max32, max32] : [member.crc, member.packed, member.size];
  const need = more.length ? 45 : 20;
  const bytes = common(new Bytes().add(4, 0x02014b50).add(2, need), member, stamp, need, sizes);
  return bytes.add(2, name.length, more.length, 0, 0, 0).add(4, 0, far ? max32 : member.offset).text(name).text(more).done();
}

// tail ends an archive.
export function tail(count, size, offset) {
  const bytes = new Bytes();
  if (count >= 0xffff || size >= max32 || offset >= max32) {
    bytes.add(4, 0x06064b50).add(8, 44).add(2, 45, 45).add(4, 0, 0).add(8, count, count, size, offset);
    bytes.add(4, 0x07064b50, 0).add(8, offset + size).add(4, 1);
  }
  const n = Math.min(count, 0xffff);
  return bytes.add(4, 0x06054b50).add(2, 0, 0, n, n).add(4, Math.min(size, max32), Math.min(offset, max32)).add(2, 0).done();
}

async function expect(blob, at, want) {
  const got = new Uint8Array(await blob.slice(at, at + want.length).arrayBuffer());
  if (got.length !== want.length || want.some((b, i) => b !== got[i])) throw new Error("zip: not of the bundle's form");
  return at + want.length;
}

// checkForm compares every byte that is not content with what it must be.
// members is what zip.readDirectory returned.
export async function checkForm(blob, members) {
  let at = 0;
  let entry = members.end;
  for (const member of members.values()) {
    if (member.offset !== at) throw new Error("zip: gap between members");
    at = await expect(blob, at, local(member, members.stamp)) + member.packed;
    at = await expect(blob, at, descriptor(member));
    entry = await expect(blob, entry, central(member, members.stamp));
  }
  if (at !== members.end) throw new Error("zip: gap before the directory");
  const end = await expect(blob, entry, tail(members.size, entry - members.end, members.end));
  if (end !== blob.size) throw new Error("zip: something follows the archive");
}
