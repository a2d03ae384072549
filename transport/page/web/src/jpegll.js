// JPEG lossless, Huffman, one scan: ITU-T T.81 annex H (process 14), the
// usual compression of dental sensors (PS3.5 sections A.4.1 and 10.17).
class Bits {
  constructor(bytes, at) {
    Object.assign(this, { bytes, at, acc: 0, have: 0 });
  }

  bit() {
    if (this.have === 0) this.fill();
    this.have--;
    return this.acc >> this.have & 1;
  }

  fill() {
    const b = this.bytes[this.at];
    const stuffed = b === 0xff && this.bytes[this.at + 1] === 0;
    if (b === undefined || b === 0xff && !stuffed) throw new Error("jpeg: data are cut");
    this.at += stuffed ? 2 : 1;
    this.acc = b;
    this.have = 8;
  }

  take(n) {
    let v = 0;
    for (; n > 0; n--) v = v << 1 | this.bit();
    return v;
  }

  // restart skips to behind the next RST marker.
  restart() {
    this.have = 0;
    if (this.bytes[this.at] !== 0xff || (this.bytes[this.at + 1] & 0xf8) !== 0xd0) throw new Error("jpeg: no restart marker");
    this.at += 2;
  }
}

// huffman builds the decoding arrays of T.81 annex F.2.2.3.
function huffman(counts, values) {
  const table = { min: [], max: [], first: [], values };
  let code = 0;
  let k = 0;
  for (let len = 1; len <= 16; len++) {
    const n = counts[len - 1];
    table.first[len] = k;
    table.min[len] = code;
    table.max[len] = n > 0 ? code + n - 1 : -1;
    code = code + n << 1;
    k += n;
  }
  return table;
}

function symbol(bits, table) {
  let code = 0;
  for (let len = 1; len <= 16; len++) {
    code = code << 1 | bits.bit();
    if (code <= table.max[len]) return table.values[table.first[len] + code - table.min[len]];
  }
  throw new Error("jpeg: bad code");
}

function difference(bits, table) {
  const size = symbol(bits, table);
  if (size === 0) return 0;
  if (size === 16) return 32768;
  const v = bits.take(size);
  return v < 2 ** (size - 1) ? v - 2 ** size + 1 : v;
}

// readMarkers reads the segments up to the entropy-coded data.
function readMarkers(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const jpeg = { tables: [], restart: 0 };
  if (view.getUint16(0) !== 0xffd8) throw new Error("jpeg: no start");
  for (let at = 2; ;) {
    if (bytes[at] !== 0xff) throw new Error("jpeg: no marker");
    const marker = bytes[at + 1];
    if (marker === 0xff) { at++; continue; }
    const size = view.getUint16(at + 2);
    const body = bytes.subarray(at + 4, at + 2 + size);
    at += 2 + size;
    if (marker === 0xc3) readFrame(jpeg, body);
    else if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xcc) throw new Error("jpeg: not lossless");
    else if (marker === 0xc4) readTables(jpeg, body);
    else if (marker === 0xdd) jpeg.restart = body[0] << 8 | body[1];
    else if (marker === 0xda) return readScan(jpeg, body, at);
  }
}

function readFrame(jpeg, b) {
  const samples = b[5];
  for (let i = 0; i < samples; i++) if (b[7 + i * 3] !== 0x11) throw new Error("jpeg: subsampled");
  Object.assign(jpeg, { precision: b[0], rows: b[1] << 8 | b[2], columns: b[3] << 8 | b[4], samples });
}

function readTables(jpeg, b) {
  for (let at = 0; at + 17 <= b.length;) {
    const counts = b.subarray(at + 1, at + 17);
    const n = counts.reduce((sum, c) => sum + c, 0);
    jpeg.tables[b[at] & 15] = huffman(counts, b.subarray(at + 17, at + 17 + n));
    at += 17 + n;
  }
}

function readScan(jpeg, b, at) {
  if (!jpeg.samples || b[0] !== jpeg.samples) throw new Error("jpeg: more than one scan");
  jpeg.scan = Array.from({ length: b[0] }, (_, i) => jpeg.tables[b[2 + i * 2] >> 4]);
  if (jpeg.scan.some((t) => !t)) throw new Error("jpeg: no table");
  return Object.assign(jpeg, { predictor: b[1 + b[0] * 2], shift: b[3 + b[0] * 2] & 15, at });
}

// predict is table H.1 of T.81 for the samples left (a), above (b) and
// above left (c).
const predict = [
  () => 0, (a) => a, (a, b) => b, (a, b, c) => c, (a, b, c) => a + b - c,
  (a, b, c) => a + (b - c >> 1), (a, b, c) => b + (a - c >> 1), (a, b) => a + b >> 1,
];

// decodeLossless returns {rows, columns, samples, data}: values interleaved by
// pixel in a Uint16Array.
export function decodeLossless(bytes) {
  const j = readMarkers(bytes);
  const rule = predict[j.predictor];
  if (!rule || j.rows * j.columns * j.samples > 1 << 28) throw new Error("jpeg: out of range");
  const bits = new Bits(bytes, j.at);
  const data = new Uint16Array(j.rows * j.columns * j.samples);
  const line = j.columns * j.samples;
  const start = 1 << j.precision - j.shift - 1;
  let left = j.restart;
  let top = true;
  for (let y = 0, at = 0; y < j.rows; y++) {
    for (let x = 0; x < j.columns; x++) {
      if (j.restart && left-- === 0) {
        bits.restart();
        left = j.restart - 1;
        top = true;
      }
      const fresh = top && x === 0;
      for (let s = 0; s < j.samples; s++, at++) {
        const a = data[at - j.samples];
        const b = data[at - line];
        const guess = fresh ? start : top ? a : x === 0 ? b : rule(a, b, data[at - line - j.samples]);
        data[at] = guess + difference(bits, j.scan[s]);
      }
    }
    top = false;
  }
  if (j.shift) for (let i = 0; i < data.length; i++) data[i] <<= j.shift;
  return { rows: j.rows, columns: j.columns, samples: j.samples, data };
}
