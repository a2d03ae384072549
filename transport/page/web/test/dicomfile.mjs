// Writes DICOM files for tests (PS3.10 section 7): explicit or implicit VR
// little endian, encapsulated pixel data, nested sequences.
export const syntaxes = {
  implicit: "1.2.840.10008.1.2", explicit: "1.2.840.10008.1.2.1", deflated: "1.2.840.10008.1.2.1.99",
  rle: "1.2.840.10008.1.2.5", jpeg: "1.2.840.10008.1.2.4.50", jpeg2000: "1.2.840.10008.1.2.4.90",
};
const long = new Set(["OB", "OW", "SQ", "UN", "UT"]);

const u16 = (n) => { const b = Buffer.alloc(2); b.writeUInt16LE(n & 0xffff); return b; };
const u32 = (n) => { const b = Buffer.alloc(4); b.writeUInt32LE(n >>> 0); return b; };
const tagBytes = (tag) => Buffer.concat([u16(Math.floor(tag / 0x10000)), u16(tag & 0xffff)]);

function valueBytes(vr, value, implicit) {
  if (Buffer.isBuffer(value)) return value;
  if (vr === "US") return u16(value);
  if (vr === "UL") return u32(value);
  if (vr === "SQ") return Buffer.concat(value.map((item) => {
    const body = dataSet(item, implicit);
    return Buffer.concat([tagBytes(0xfffee000), u32(body.length), body]);
  }));
  const text = Buffer.from(String(value), "latin1");
  return text.length % 2 ? Buffer.concat([text, Buffer.from(vr === "UI" ? "\0" : " ")]) : text;
}

export function element([tag, vr, value], implicit) {
  const body = valueBytes(vr, value, implicit);
  if (implicit) return Buffer.concat([tagBytes(tag), u32(body.length), body]);
  const size = long.has(vr) ? Buffer.concat([u16(0), u32(body.length)]) : u16(body.length);
  return Buffer.concat([tagBytes(tag), Buffer.from(vr), size, body]);
}

export const dataSet = (elements, implicit) => Buffer.concat([...elements].sort((a, b) => a[0] - b[0]).map((e) => element(e, implicit)));

// encapsulate wraps compressed frames (PS3.5 annex A.4), with an empty offset
// table; each frame may be split over several fragments.
export function encapsulate(frames) {
  const items = [Buffer.alloc(0), ...frames.flat()].map((f) => {
    const body = f.length % 2 ? Buffer.concat([f, Buffer.alloc(1)]) : f;
    return Buffer.concat([tagBytes(0xfffee000), u32(body.length), body]);
  });
  return Buffer.concat([tagBytes(0x7fe00010), Buffer.from("OB"), u16(0), u32(0xffffffff), ...items, tagBytes(0xfffee0dd), u32(0)]);
}

export function file(syntax, elements, { pixels, deflate } = {}) {
  const meta = dataSet([[0x00020002, "UI", "1.2.840.10008.5.1.4.1.1.2"], [0x00020003, "UI", "1.2.3.4"], [0x00020010, "UI", syntax]]);
  const group = element([0x00020000, "UL", meta.length]);
  let body = dataSet(elements, syntax === syntaxes.implicit);
  if (pixels) body = Buffer.concat([body, pixels]);
  if (deflate) body = deflate(body);
  return Buffer.concat([Buffer.alloc(128), Buffer.from("DICM"), group, meta, body]);
}

// image lists the elements of a picture.
export function image({ rows, columns, allocated = 16, stored = allocated, signed = 0, samples = 1, photometric = "MONOCHROME2", planar = 0, frames, more = [] }) {
  return [
    [0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2"], [0x00280002, "US", samples], [0x00280004, "CS", photometric],
    ...(samples > 1 ? [[0x00280006, "US", planar]] : []), ...(frames ? [[0x00280008, "IS", frames]] : []),
    [0x00280010, "US", rows], [0x00280011, "US", columns], [0x00280100, "US", allocated], [0x00280101, "US", stored],
    [0x00280102, "US", stored - 1], [0x00280103, "US", signed], ...more,
  ];
}

export const pixelData = (data) => [0x7fe00010, "OW", Buffer.from(data.buffer, data.byteOffset, data.byteLength)];

// packBits compresses one byte plane (PS3.5 annex G.3): runs and literals.
function packBits(plane) {
  const out = [];
  for (let at = 0; at < plane.length;) {
    let run = 1;
    while (run < 128 && plane[at + run] === plane[at]) run++;
    if (run > 1) {
      out.push(257 - run, plane[at]);
      at += run;
      continue;
    }
    const start = at;
    while (at < plane.length && at - start < 128 && (at + 1 >= plane.length || plane[at] !== plane[at + 1])) at++;
    out.push(at - start - 1, ...plane.subarray(start, at));
  }
  if (out.length % 2) out.push(128);
  return Buffer.from(out);
}

// rle compresses one frame of little-endian pixels.
export function rle(bytes, depth, samples = 1) {
  const pixels = bytes.length / depth / samples;
  const planes = [];
  for (let s = 0; s < samples; s++) {
    for (let d = depth - 1; d >= 0; d--) planes.push(packBits(Buffer.from(Array.from({ length: pixels }, (_, i) => bytes[(i * samples + s) * depth + d]))));
  }
  const head = Buffer.alloc(64);
  head.writeUInt32LE(planes.length, 0);
  let at = 64;
  planes.forEach((p, i) => { head.writeUInt32LE(at, 4 + 4 * i); at += p.length; });
  return Buffer.concat([head, ...planes]);
}
