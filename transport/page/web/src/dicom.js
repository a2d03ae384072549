// A small DICOM header reader for showing pictures: PS3.10 section 7 (file
// format) and PS3.5 section 7 (data set encoding), little endian, explicit
// and implicit VR. It reads up to Pixel Data and never past what it is given.
const maxDepth = 12;
const maxElements = 500000;
const undefinedLength = 0xffffffff;

const longVRs = new Set(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"]);

// Sequences that implicit VR files may write with a defined length and that
// hold what a viewer needs (PS3.3 section C.7.6.16).
const sequences = new Set([0x52009229, 0x52009230, 0x00209113, 0x00209116, 0x00289110, 0x00289145, 0x00289132]);

export const tags = {
  syntax: 0x00020010, modality: 0x00080060, seriesText: 0x0008103e, studyText: 0x00081030, studyDate: 0x00080020,
  seriesUID: 0x0020000e, instance: 0x00200013, position: 0x00200032, orientation: 0x00200037,
  samples: 0x00280002, photometric: 0x00280004, planar: 0x00280006, frames: 0x00280008, rows: 0x00280010, columns: 0x00280011,
  spacing: 0x00280030, imagerSpacing: 0x00181164, thickness: 0x00180050, between: 0x00180088,
  allocated: 0x00280100, stored: 0x00280101, highBit: 0x00280102, signed: 0x00280103,
  center: 0x00281050, width: 0x00281051, voiFunction: 0x00281056, voiLUT: 0x00283010, intercept: 0x00281052, slope: 0x00281053,
  modalityLUT: 0x00283000, shared: 0x52009229, perFrame: 0x52009230, planePosition: 0x00209113, planeOrientation: 0x00209116,
  measures: 0x00289110, rescale: 0x00289145, voi: 0x00289132, pixels: 0x7fe00010, extendedOffsets: 0x7fe00001,
};

// Cut is thrown when the header goes on behind the bytes given.
export class Cut extends Error {}

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
    this.count = 0;
  }

  need(n) {
    if (this.at + n > this.bytes.length) throw new Cut("header goes on");
  }

  u16() { this.need(2); this.at += 2; return this.view.getUint16(this.at - 2, true); }

  u32() { this.need(4); this.at += 4; return this.view.getUint32(this.at - 4, true); }

  tag() { const group = this.u16(); return group * 0x10000 + this.u16(); }

  // head reads an element's tag, VR and length.
  head(explicit) {
    if (++this.count > maxElements) throw new Error("too many elements");
    const tag = this.tag();
    if (!explicit || tag >= 0xfffe0000 && tag <= 0xfffeffff) return { tag, vr: sequences.has(tag) ? "SQ" : "", length: this.u32() };
    const vr = String.fromCharCode(this.u16() & 0xff, this.bytes[this.at - 1]);
    if (!/^[A-Z]{2}$/.test(vr)) throw new Error("not a value representation");
    if (!longVRs.has(vr)) return { tag, vr, length: this.u16() };
    this.at += 2;
    return { tag, vr, length: this.u32() };
  }
}

// readSet reads elements up to end (Infinity: to the end of the file).
function readSet(r, explicit, end, depth) {
  if (depth > maxDepth) throw new Error("nested too deep");
  const set = new Map();
  while (r.at < end) {
    if (end === Infinity && r.at >= r.bytes.length) throw new Cut("no pixel data yet");
    const e = r.head(explicit);
    if (e.tag === 0xfffee00d) return set;
    e.offset = r.at;
    set.set(e.tag, e);
    if (e.tag === tags.pixels && depth === 0) return set;
    readValue(r, e, explicit, depth);
  }
  return set;
}

function readValue(r, e, explicit, depth) {
  const open = e.length === undefinedLength;
  if (e.vr === "SQ" || open) {
    e.items = readItems(r, explicit && e.vr !== "UN", open ? Infinity : r.at + e.length, depth + 1);
    return;
  }
  r.need(e.length);
  r.at += e.length;
}

function readItems(r, explicit, end, depth) {
  const items = [];
  while (r.at < end) {
    const e = r.head(explicit);
    if (e.tag === 0xfffee0dd) return items;
    if (e.tag !== 0xfffee000) throw new Error("not a sequence item");
    items.push(readSet(r, explicit, e.length === undefinedLength ? 1e15 : r.at + e.length, depth));
  }
  return items;
}

// parse reads a header. It throws Cut when more bytes are needed.
export function parse(bytes) {
  if (bytes.length < 140 || String.fromCharCode(...bytes.subarray(128, 132)) !== "DICM") throw new Error("not a DICOM file");
  const r = new Reader(bytes);
  r.at = 132;
  const meta = new Map();
  while (r.at + 2 <= bytes.length && r.view.getUint16(r.at, true) === 2) {
    const e = r.head(true);
    e.offset = r.at;
    meta.set(e.tag, e);
    r.need(e.length);
    r.at += e.length;
  }
  const syntax = new Header(bytes, meta).text(tags.syntax);
  const header = new Header(bytes, new Map());
  Object.assign(header, { syntax, start: r.at });
  if (syntax === "1.2.840.10008.1.2.1.99" || syntax === "1.2.840.10008.1.2.2") return header;
  header.set = readSet(r, syntax !== "1.2.840.10008.1.2", Infinity, 0);
  return header;
}

// parseInflated reads the data set of a deflated file (PS3.5 section A.5).
export function parseInflated(bytes) {
  const header = new Header(bytes, readSet(new Reader(bytes), true, Infinity, 0));
  header.syntax = "1.2.840.10008.1.2.1";
  return header;
}

// Header gives typed access to the elements of a data set.
export class Header {
  constructor(bytes, set) {
    this.bytes = bytes;
    this.set = set;
  }

  text(tag) {
    const e = this.set.get(tag);
    if (!e || e.items || e.length > 65536) return "";
    const raw = this.bytes.subarray(e.offset, e.offset + e.length);
    return new TextDecoder("latin1").decode(raw).replace(/[\u0000 ]+$/, "").trim();
  }

  // numbers reads DS and IS values (decimal text).
  numbers(tag) {
    const text = this.text(tag);
    return text === "" ? [] : text.split("\\").map(Number).filter(Number.isFinite);
  }

  number(tag, otherwise) {
    const [n] = this.numbers(tag);
    return n === undefined ? otherwise : n;
  }

  u16(tag, otherwise) {
    const e = this.set.get(tag);
    if (!e || e.length < 2 || e.items) return otherwise;
    return this.bytes[e.offset] | this.bytes[e.offset + 1] << 8;
  }

  items(tag) {
    return (this.set.get(tag)?.items || []).map((set) => new Header(this.bytes, set));
  }
}

// plain is text in the default character set (PS3.5 section 6.1.2.1), or
// nothing: other sets are not decoded here.
const plain = (text) => (/^[ -~]*$/.test(text) ? text : "");

// describe is what the list of records shows of an image: null when the
// header cannot be read from the bytes given.
export function describe(bytes) {
  try {
    const h = parse(bytes);
    if (h.set.size === 0) return { syntax: h.syntax };
    return {
      syntax: h.syntax, series: h.text(tags.seriesUID), modality: h.text(tags.modality), instance: h.number(tags.instance, 0),
      rows: h.u16(tags.rows, 0), columns: h.u16(tags.columns, 0), frames: h.number(tags.frames, 1), text: plain(h.text(tags.seriesText)),
    };
  } catch {
    return null;
  }
}
