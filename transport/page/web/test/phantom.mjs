// Synthetic pictures: a jaw of ellipses as a CBCT series, radiographs, a PNG
// and a PDF. No patient ever had this mouth.
import { deflateSync, crc32 } from "node:zlib";
import { file, image, pixelData, syntaxes } from "./dicomfile.mjs";
import { random } from "./harness.mjs";

const noise = random(7);
const inside = (x, y, cx, cy, rx, ry) => ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2;

// jaw is the density in Hounsfield-like units at x, y, z in [-1, 1].
export function jaw(x, y, z) {
  if (inside(x, y, 0, 0.05, 0.86, 0.9) > 1 || Math.abs(z) > 0.95) return -1000;
  let v = 20;
  const r = Math.hypot(x, (y + 0.75) * 0.85 - 0.75 + 0.35);
  const arch = Math.hypot(x * 1.05, y - 0.35);
  if (arch > 0.55 && arch < 0.75 && y < 0.4 && z < 0.1 && z > -0.75) v = arch > 0.59 && arch < 0.71 ? 500 : 1200;
  for (let k = -6; k <= 6; k++) {
    const a = -Math.PI / 2 + k * 0.24;
    const [cx, cy] = [Math.cos(a) * 0.65, 0.35 + Math.sin(a) * 0.65];
    const crown = z > 0 ? 0.075 : 0.075 * Math.max(0.25, 1 + z * 1.4);
    const d = inside(x, y, cx, cy, crown, crown);
    if (z < 0.45 && z > -0.5 && d < 1) v = d < 0.12 ? 100 : z > 0.1 && d > 0.55 ? 2600 : 1700;
  }
  if (inside(x, y, 0, 0.72, 0.17, 0.15) < 1) v = inside(x, y, 0, 0.72, 0.13, 0.11) < 1 ? 350 : 1100;
  return r < 0 ? v : v;
}

// slices makes a CBCT series; the files come in an order unlike that of the
// slices.
export function slices({ size = 96, count = 64, syntax = syntaxes.explicit, series = "1.2.3.9" } = {}) {
  const list = [];
  for (let k = 0; k < count; k++) {
    const data = new Int16Array(size * size);
    for (let j = 0; j < size; j++) {
      for (let i = 0; i < size; i++) data[j * size + i] = jaw((i / size) * 2 - 1, (j / size) * 2 - 1, (k / count) * 2 - 1) + (noise() - 0.5) * 160;
    }
    list.push(file(syntax, [...image({ rows: size, columns: size, stored: 16, signed: 1, more: [
      [0x00080060, "CS", "CT"], [0x0020000e, "UI", series], [0x00200013, "IS", count - k], [0x00200032, "DS", `-20\\-20\\${(k * 0.4).toFixed(2)}`],
      [0x00200037, "DS", "1\\0\\0\\0\\1\\0"], [0x00280030, "DS", "0.4\\0.4"], [0x00281050, "DS", "700"], [0x00281051, "DS", "3400"],
      [0x00281052, "DS", "0"], [0x00281053, "DS", "1"],
    ] }), pixelData(data)]));
  }
  return list.map((_, i) => list[(i * 37) % count]);
}

// bitewing is a radiograph of some teeth, 12 bits stored.
export function bitewing(columns = 640, rows = 480, { photometric = "MONOCHROME2", syntax = syntaxes.explicit } = {}) {
  const data = new Uint16Array(columns * rows);
  for (let j = 0; j < rows; j++) {
    for (let i = 0; i < columns; i++) {
      const upper = j < rows / 2;
      const [cx, cy] = [Math.round(i / 128 - 0.5) * 128 + 64, upper ? rows * 0.22 : rows * 0.78];
      const d = inside(i, j, cx, cy, 52, 96);
      let v = d < 1 ? (d > 0.7 ? 3300 : d < 0.08 ? 1300 : 2400) : 900 + Math.abs(j - rows / 2) * 2.2;
      if (inside(i, j, 330, rows * 0.3, 16, 13) < 1) v = 4000;
      v = Math.min(4095, Math.max(0, v + (noise() - 0.5) * 130));
      data[j * columns + i] = photometric === "MONOCHROME1" ? 4095 - v : v;
    }
  }
  return file(syntax, [...image({ rows, columns, stored: 12, photometric, more: [[0x00080060, "CS", "IO"], [0x0020000e, "UI", "1.2.3.8"], [0x00181164, "DS", "0.03\\0.03"]] }), pixelData(data)]);
}

function chunk(type, body) {
  const data = Buffer.concat([Buffer.from(type), body]);
  const out = Buffer.alloc(data.length + 8);
  out.writeUInt32BE(body.length, 0);
  data.copy(out, 4);
  out.writeUInt32BE(crc32(data) >>> 0, data.length + 4);
  return out;
}

// png is a colour gradient (W3C PNG, sections 5 and 11).
export function png(width = 320, height = 240) {
  const raw = Buffer.alloc((width * 3 + 1) * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const tooth = inside(x % 64, y, 32, height / 2, 26, 60) < 1;
      raw.set(tooth ? [240, 236, 220] : [190 - y / 3, 96, 100], y * (width * 3 + 1) + 1 + x * 3);
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2], 8);
  return Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), chunk("IHDR", head), chunk("IDAT", deflateSync(raw)), chunk("IEND", Buffer.alloc(0))]);
}

// pdf is a one-page file with some lines of text.
export function pdf(lines) {
  const text = `BT /F1 20 Tf 60 740 Td 28 TL ${lines.map((l) => `(${l}) Tj T*`).join(" ")} ET`;
  const objects = [
    "<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>",
    "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
    `<</Length ${text.length}>>\nstream\n${text}\nendstream`, "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
  ];
  let out = "%PDF-1.4\n";
  const offsets = objects.map((body, i) => {
    const at = out.length;
    out += `${i + 1} 0 obj\n${body}\nendobj\n`;
    return at;
  });
  const xref = out.length;
  out += `xref\n0 6\n0000000000 65535 f \n${offsets.map((o) => `${String(o).padStart(10, "0")} 00000 n \n`).join("")}`;
  return Buffer.from(`${out}trailer\n<</Size 6/Root 1 0 R>>\nstartxref\n${xref}\n%%EOF\n`);
}
