// A ZIP archive made of members of another one, for saving a series: the
// packed bytes are taken over as they are (PKWARE APPNOTE 6.3.10, sections
// 4.3.7, 4.3.12 and 4.3.16).
import { packedBlob } from "./zip.js";

const utf8Names = 0x0800;
const epoch = 0x21; // 1980-01-01, the first DOS date

function header(signature, size, member, name, central) {
  const view = new DataView(new ArrayBuffer(size));
  let at = 0;
  const u16 = (...list) => list.forEach((v) => { view.setUint16(at, v, true); at += 2; });
  const u32 = (...list) => list.forEach((v) => { view.setUint32(at, v, true); at += 4; });
  u32(signature);
  if (central) u16(20);
  u16(20, utf8Names, member.method, 0, epoch);
  u32(member.crc, member.packed, member.size);
  u16(name.length, 0);
  if (central) {
    u16(0, 0, 0);
    u32(0, member.offset);
  }
  return [view.buffer, name];
}

function ending(count, size, offset) {
  const view = new DataView(new ArrayBuffer(22));
  view.setUint32(0, 0x06054b50, true);
  view.setUint16(8, count, true);
  view.setUint16(10, count, true);
  view.setUint32(12, size, true);
  view.setUint32(16, offset, true);
  return view.buffer;
}

// distinct keeps names apart that differ in nothing but their case.
function distinct(name, taken) {
  let unique = name;
  for (let n = 2; taken.has(unique.toLowerCase()); n++) unique = name.replace(/(\.\w+)?$/, ` (${n})$1`);
  taken.add(unique.toLowerCase());
  return unique;
}

// archiveOf packs members ({name, method, crc, packed, size, offset} in blob).
export async function archiveOf(blob, members) {
  const total = members.reduce((sum, m) => sum + m.packed + 300, 0);
  if (members.length > 65000 || total > 0xf0000000) throw new Error("zip: too large without ZIP64");
  const parts = [];
  const directory = [];
  const taken = new Set();
  let offset = 0;
  for (const member of members) {
    const name = new TextEncoder().encode(distinct(member.name, taken));
    parts.push(...header(0x04034b50, 30, member, name, false), await packedBlob(blob, member));
    directory.push(...header(0x02014b50, 46, { ...member, offset }, name, true));
    offset += 30 + name.length + member.packed;
  }
  const list = new Blob(directory);
  return new Blob([...parts, list, ending(members.length, list.size, offset)], { type: "application/zip" });
}
