// A ZIP archive made of members of another one, for saving a series: the
// packed bytes are taken over as they are.
import { packedBlob } from "./zip.js";
import { central, local, tail } from "./zipform.js";

const stamp = { time: 0, date: 0x21 }; // 1980-01-01, the first DOS date

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
    const entry = { ...member, path: distinct(member.name, taken), streamed: false, offset };
    const head = local(entry, stamp);
    parts.push(head, await packedBlob(blob, member));
    directory.push(central(entry, stamp));
    offset += head.length + member.packed;
  }
  const list = new Blob(directory);
  return new Blob([...parts, list, tail(members.length, list.size, offset)], { type: "application/zip" });
}
