// From a DICOM file to pictures: where the frames lie (PS3.5 section 8 and
// annex A.4) and what their numbers mean (PS3.3 section C.7.6.3).
import { Cut, Header, parse, parseInflated, tags } from "./dicom.js";
import { decodeLossless } from "./jpegll.js";

const heads = [256 << 10, 4 << 20, 64 << 20];
const maxPixels = 1 << 27;
const maxFragments = 200000;

export const native = new Set(["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"]);
const jpegBaseline = new Set(["1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"]);
const jpegLossless = new Set(["1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"]);
const rle = "1.2.840.10008.1.2.5";
const deflated = "1.2.840.10008.1.2.1.99";

// Unshowable marks a picture this page cannot show; it can still be saved.
export class Unshowable extends Error {}

async function readHeader(blob) {
  for (const size of heads) {
    const bytes = new Uint8Array(await blob.slice(0, size).arrayBuffer());
    try {
      return parse(bytes);
    } catch (err) {
      if (!(err instanceof Cut) || bytes.length === blob.size) throw new Unshowable(err.message);
    }
  }
  throw new Unshowable("header is too long");
}

// attempt turns a damaged header into a picture that cannot be shown.
function attempt(read) {
  try {
    return read();
  } catch (err) {
    throw new Unshowable(err.message);
  }
}

async function inflate(blob, start) {
  const stream = blob.slice(start).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// load reads the header of a DICOM file and finds its frames.
export async function load(blob) {
  let header = await readHeader(blob);
  if (header.syntax === deflated) {
    const bytes = await inflate(blob, header.start);
    header = attempt(() => parseInflated(bytes));
    blob = new Blob([bytes]);
  }
  const image = describePixels(header);
  Object.assign(image, { blob, header, parts: await locate(blob, header, image) });
  return image;
}

// placedBits says whether High Bit names a place this page can read the stored
// bits from. Today it is Bits Stored less one (PS3.5 section 8.1.1); older files
// of native or RLE pixels may have them higher up in the word, not compressed ones.
function placedBits(syntax, { samples, allocated, stored, high }) {
  if (high === stored - 1) return true;
  return high >= stored && high < allocated && samples === 1 && (native.has(syntax) || syntax === rle);
}

// otherVOI says whether the file asks for another way from values to shades than
// the linear one, which this page does not go (PS3.3 section C.11.2).
const otherVOI = (h) => h.set.has(tags.voiLUT) || !["", "LINEAR"].includes(h.text(tags.voiFunction));

function describePixels(h) {
  const image = {
    syntax: h.syntax, rows: h.u16(tags.rows, 0), columns: h.u16(tags.columns, 0), frames: Math.max(1, h.number(tags.frames, 1)),
    samples: h.u16(tags.samples, 1), photometric: h.text(tags.photometric) || "MONOCHROME2", planar: h.u16(tags.planar, 0),
    allocated: h.u16(tags.allocated, 16), stored: h.u16(tags.stored, 0), signed: h.u16(tags.signed, 0) === 1,
    slope: h.number(tags.slope, 1) || 1, intercept: h.number(tags.intercept, 0),
    center: h.number(tags.center, null), width: h.number(tags.width, null),
    spacing: h.numbers(tags.spacing).length === 2 ? h.numbers(tags.spacing) : h.numbers(tags.imagerSpacing),
    instance: h.number(tags.instance, 0), modality: h.text(tags.modality),
  };
  image.stored = image.stored || image.allocated;
  image.high = h.u16(tags.highBit, image.stored - 1);
  image.voi = otherVOI(h);
  const gray = /^MONOCHROME[12]$/.test(image.photometric) && image.samples === 1;
  const colour = /^(RGB|YBR_FULL|YBR_FULL_422|YBR_RCT|YBR_ICT)$/.test(image.photometric) && image.samples === 3;
  const good = h.set.has(tags.pixels) && image.rows > 0 && image.columns > 0 && image.rows * image.columns <= maxPixels
    && (image.allocated === 8 || image.allocated === 16 && gray) && image.stored <= image.allocated
    && (gray || colour) && !h.set.has(tags.modalityLUT) && placedBits(h.syntax, image);
  if (!good) throw new Unshowable("this kind of picture is not supported");
  return fromGroups(h, image);
}

// fromGroups adds what enhanced multi-frame images keep in functional groups
// (PS3.3 section C.7.6.16): the shared values, else those of the first frame.
function fromGroups(h, image) {
  const [shared = new Header(h.bytes, new Map())] = h.items(tags.shared);
  const each = h.items(tags.perFrame);
  const find = (tag, group = each[0]) => shared.items(tag)[0] || group?.items(tag)[0];
  const measures = find(tags.measures);
  const rescale = find(tags.rescale);
  const voi = find(tags.voi);
  if (measures) Object.assign(image, { spacing: measures.numbers(tags.spacing), thickness: measures.number(tags.thickness, null) });
  if (rescale) Object.assign(image, { slope: rescale.number(tags.slope, 1) || 1, intercept: rescale.number(tags.intercept, 0) });
  if (voi) image.voi ||= otherVOI(voi);
  if (voi && image.center === null) Object.assign(image, { center: voi.number(tags.center, null), width: voi.number(tags.width, null) });
  image.thickness ??= h.number(tags.between, h.number(tags.thickness, null));
  image.orientation = (find(tags.planeOrientation) || h).numbers(tags.orientation);
  image.positions = each.length > 1
    ? each.map((group) => (group.items(tags.planePosition)[0] || h).numbers(tags.position))
    : [(find(tags.planePosition) || h).numbers(tags.position)];
  image.orientations = each.map((group) => (find(tags.planeOrientation, group) || h).numbers(tags.orientation));
  image.spacings = each.map((group) => find(tags.measures, group)?.numbers(tags.spacing) || image.spacing);
  return image;
}

const frameBytes = (image) => image.rows * image.columns * image.samples * (image.allocated / 8);

// locate lists, for each frame, the parts of the file that hold it.
async function locate(blob, header, image) {
  const pixel = header.set.get(tags.pixels);
  if (native.has(image.syntax)) {
    const size = frameBytes(image);
    if (pixel.offset + size * image.frames > blob.size) throw new Unshowable("pixel data is cut");
    return Array.from({ length: image.frames }, (_, i) => [[pixel.offset + i * size, size]]);
  }
  if (!jpegBaseline.has(image.syntax) && !jpegLossless.has(image.syntax) && image.syntax !== rle) throw new Unshowable("compression is not supported");
  return assign(await fragments(blob, pixel.offset), image.frames);
}

// fragments reads the items of encapsulated pixel data; the first is the
// basic offset table.
async function fragments(blob, start) {
  const list = [];
  for (let at = start; at + 8 <= blob.size && list.length < maxFragments;) {
    const head = new DataView(await blob.slice(at, at + 8).arrayBuffer());
    const tag = head.getUint16(0, true) * 0x10000 + head.getUint16(2, true);
    const size = head.getUint32(4, true);
    if (tag === 0xfffee0dd) return { table: await offsets(blob, list[0]), list: list.slice(1), base: (list[1]?.[0] ?? 8) - 8 };
    if (tag !== 0xfffee000 || at + 8 + size > blob.size) break;
    list.push([at + 8, size]);
    at += 8 + size;
  }
  throw new Unshowable("compressed pixel data is damaged");
}

async function offsets(blob, [from, size]) {
  const view = new DataView(await blob.slice(from, from + Math.min(size, 1 << 20)).arrayBuffer());
  return Array.from({ length: view.byteLength >> 2 }, (_, i) => view.getUint32(i * 4, true));
}

function assign({ table, list, base }, frames) {
  if (frames === 1) return [list];
  if (list.length === frames) return list.map((part) => [part]);
  if (table.length !== frames) throw new Unshowable("frames cannot be told apart");
  return table.map((from, i) => list.filter(([at]) => at - 8 - base >= from && (i + 1 === frames || at - 8 - base < table[i + 1])));
}

// frame decodes one frame: {columns, rows, samples, data}; gray data are the
// stored values as an integer array, colour data 8-bit RGBA.
export async function frame(image, index) {
  const parts = image.parts[index].map(([at, size]) => image.blob.slice(at, at + size));
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  const { rows, columns } = image;
  if (jpegBaseline.has(image.syntax)) return browserFrame(bytes, image);
  if (jpegLossless.has(image.syntax)) return grayOrColour(losslessPlane(bytes, image), { ...image, planar: 0 });
  if (image.syntax === rle) return grayOrColour(unpack(bytes, image), { ...image, planar: image.samples > 1 ? 1 : 0 });
  return grayOrColour(bytes, { ...image, rows, columns });
}

function losslessPlane(bytes, image) {
  const out = decodeLossless(bytes);
  if (out.rows !== image.rows || out.columns !== image.columns || out.samples !== image.samples) throw new Unshowable("sizes differ");
  if (image.allocated === 8) return Uint8Array.from(out.data);
  return new Uint8Array(out.data.buffer);
}

// unpack undoes RLE compression (PS3.5 annex G): byte planes, high byte first.
function unpack(bytes, image) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const depth = image.allocated / 8;
  const pixels = image.rows * image.columns;
  const planes = depth * image.samples;
  if (bytes.length < 64 || view.getUint32(0, true) !== planes) throw new Unshowable("RLE planes do not match");
  const out = new Uint8Array(pixels * planes);
  for (let p = 0; p < planes; p++) {
    const from = view.getUint32(4 + 4 * p, true);
    const to = p + 1 < planes ? view.getUint32(8 + 4 * p, true) : bytes.length;
    const base = Math.floor(p / depth) * pixels * depth + (depth - 1 - p % depth);
    unpackPlane(bytes.subarray(from, to), out, base, depth, pixels);
  }
  return out;
}

function unpackPlane(data, out, base, step, pixels) {
  let n = 0;
  for (let at = 0; at < data.length && n < pixels;) {
    const code = data[at++];
    if (code === 128) continue;
    const run = code < 128 ? code + 1 : 257 - code;
    for (let k = 0; k < run && n < pixels; k++, n++) out[base + n * step] = code < 128 ? data[at + k] : data[at];
    at += code < 128 ? run : 1;
  }
  if (n < pixels) throw new Unshowable("RLE data are cut");
}

function grayOrColour(bytes, image) {
  const { rows, columns } = image;
  if (bytes.length < rows * columns * image.samples * (image.allocated / 8)) throw new Unshowable("pixel data is cut");
  if (image.samples === 1) return { rows, columns, samples: 1, data: grayValues(bytes, image) };
  return { rows, columns, samples: 4, data: rgba(bytes, image) };
}

// grayValues reads stored values: Bits Stored bits, of which High Bit is the
// highest; what lies beside them is dropped (PS3.5 section 8.1.1).
export function grayValues(bytes, image) {
  const n = image.rows * image.columns;
  const aligned = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
  const raw = image.allocated === 8 ? aligned.subarray(0, n) : new Uint16Array(aligned.buffer, aligned.byteOffset, n);
  if (!image.signed && image.stored === image.allocated) return raw;
  const out = image.signed ? new Int16Array(n) : new Uint16Array(n);
  const [up, down] = [31 - image.high, 32 - image.stored];
  for (let i = 0; i < n; i++) out[i] = image.signed ? raw[i] << up >> down : raw[i] << up >>> down;
  return out;
}

function rgba(bytes, image) {
  const n = image.rows * image.columns;
  if (image.photometric === "YBR_FULL_422" && !jpegLossless.has(image.syntax)) throw new Unshowable("YBR_FULL_422 is not supported");
  const out = new Uint8ClampedArray(n * 4);
  const [step, plane] = image.planar === 1 ? [1, n] : [3, 1];
  const ybr = image.photometric === "YBR_FULL";
  for (let i = 0; i < n; i++) {
    const [a, b, c] = [bytes[i * step], bytes[i * step + plane], bytes[i * step + 2 * plane]];
    out[i * 4] = ybr ? a + 1.402 * (c - 128) : a;
    out[i * 4 + 1] = ybr ? a - 0.344136 * (b - 128) - 0.714136 * (c - 128) : b;
    out[i * 4 + 2] = ybr ? a + 1.772 * (b - 128) : c;
    out[i * 4 + 3] = 255;
  }
  return out;
}

async function browserFrame(bytes, image) {
  const picture = await bitmapFrame(new Blob([bytes], { type: "image/jpeg" }));
  if (picture.rows !== image.rows || picture.columns !== image.columns) throw new Unshowable("sizes differ");
  if (image.samples !== 1) return picture;
  const gray = new Uint8Array(image.rows * image.columns);
  for (let i = 0; i < gray.length; i++) gray[i] = picture.data[i * 4];
  return { ...picture, samples: 1, data: gray };
}

// bitmapFrame lets the browser decode a picture. Very large ones are scaled
// down for viewing.
export async function bitmapFrame(blob, limit = 6000) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob, { colorSpaceConversion: "default" });
  } catch (err) {
    throw new Unshowable(err.message);
  }
  const scale = Math.min(1, limit / Math.max(bitmap.width, bitmap.height));
  const [columns, rows] = [Math.max(1, Math.round(bitmap.width * scale)), Math.max(1, Math.round(bitmap.height * scale))];
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: columns, height: rows });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0, columns, rows);
  bitmap.close();
  return { rows, columns, samples: 4, data: context.getImageData(0, 0, columns, rows).data };
}
