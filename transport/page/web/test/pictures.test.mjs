// Unit tests under node of the DICOM reader, the lossless JPEG decoder, the
// window and the volume.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { Cut, describe, parse } from "../src/dicom.js";
import { frame, load, Unshowable } from "../src/pixels.js";
import { assign, belongs, build, isVolume, reduction, stack, Volume } from "../src/volume.js";
import { full, paint, range, table } from "../src/window.js";
import * as d from "./dicomfile.mjs";
import { slices } from "./phantom.mjs";
import { random, skip, test } from "./harness.mjs";

const open = (bytes) => load(new Blob([bytes]));
const values = async (bytes, n = 0) => (await frame(await open(bytes), n)).data;

// ramp is a small picture of known values.
function ramp(options) {
  const { rows = 4, columns = 5, allocated = 16, samples = 1, frames = 1, signed = 0 } = options;
  const Values = allocated === 8 ? Uint8Array : signed ? Int16Array : Uint16Array;
  const data = Values.from({ length: rows * columns * samples * frames }, (_, i) => (allocated === 8 ? i * 7 : signed ? i * 300 - 3000 : i * 301));
  return { data, elements: d.image({ rows, columns, allocated, samples, signed, ...(frames > 1 ? { frames } : {}), ...options }) };
}

test("dicom: explicit, implicit and deflated files show the same values", async () => {
  for (const signed of [0, 1]) {
    const { data, elements } = ramp({ signed });
    const all = [...elements, d.pixelData(data)];
    for (const [syntax, options] of [["explicit", {}], ["implicit", {}], ["deflated", { deflate: (b) => deflateRawSync(b) }]]) {
      assert.deepEqual([...await values(d.file(d.syntaxes[syntax], all, options))], [...data], `${syntax} ${signed}`);
    }
  }
});

test("dicom: bits above Bits Stored are dropped, signs are kept", async () => {
  const raw = Uint16Array.of(0xf001, 0x0fff, 0x1800, 0x0800);
  const make = (signed) => d.file(d.syntaxes.explicit, [...d.image({ rows: 2, columns: 2, stored: 12, signed }), d.pixelData(raw)]);
  assert.deepEqual([...await values(make(0))], [1, 4095, 2048, 2048]);
  assert.deepEqual([...await values(make(1))], [1, -1, -2048, -2048]);
});

test("dicom: stored bits are read from where High Bit says", async () => {
  const raw = Uint16Array.of(0x1230, 0xfff5, 0x7ff0, 0x8001);
  const elements = (signed, high, stored = 12) => d.image({ rows: 2, columns: 2, stored, signed }).map((e) => (e[0] === 0x00280102 ? [...e.slice(0, 2), high] : e));
  const make = (...of) => d.file(d.syntaxes.explicit, [...elements(...of), d.pixelData(raw)]);
  assert.deepEqual([...await values(make(0, 15))], [0x123, 0xfff, 0x7ff, 0x800]);
  assert.deepEqual([...await values(make(1, 15))], [0x123, -1, 0x7ff, -0x800]);
  assert.deepEqual([...await values(make(0, 13))], [0x48c, 0xffd, 0xffc, 0]);
  const packed = d.file(d.syntaxes.rle, elements(0, 15), { pixels: d.encapsulate([d.rle(Buffer.from(raw.buffer), 2)]) });
  assert.deepEqual([...await values(packed)], [0x123, 0xfff, 0x7ff, 0x800]);
  for (const high of [16, 10]) await assert.rejects(open(make(0, high)), Unshowable, `High Bit ${high}`);
  const compressed = d.file(d.syntaxes.jpeg, elements(0, 15), { pixels: d.encapsulate([Buffer.alloc(9)]) });
  await assert.rejects(open(compressed), Unshowable, "compressed");
});

test("dicom: a table or curve to shades that is not applied is known", async () => {
  const { data, elements } = ramp({});
  const window = [[0x00281050, "DS", "500"], [0x00281051, "DS", "900"]];
  const voi = async (more) => (await open(d.file(d.syntaxes.explicit, [...elements, ...more, d.pixelData(data)]))).voi;
  const shared = (curve) => [[0x52009229, "SQ", [[[0x00289132, "SQ", [[...window, [0x00281056, "CS", curve]]]]]]]];
  for (const more of [[], window, [...window, [0x00281056, "CS", "LINEAR"]], shared("LINEAR")]) assert.equal(await voi(more), false, JSON.stringify(more));
  for (const more of [[[0x00283010, "SQ", [[[0x00283003, "LO", "table"]]]]], [...window, [0x00281056, "CS", "SIGMOID"]],
    [...window, [0x00281056, "CS", "LINEAR_EXACT"]], shared("SIGMOID")]) assert.equal(await voi(more), true, JSON.stringify(more));
});

test("dicom: RLE, gray and colour", async () => {
  const gray = ramp({ rows: 7, columns: 9 });
  const pack = (g, depth, samples) => d.encapsulate([d.rle(Buffer.from(g.data.buffer), depth, samples)]);
  assert.deepEqual([...await values(d.file(d.syntaxes.rle, gray.elements, { pixels: pack(gray, 2, 1) }))], [...gray.data]);
  const rgb = ramp({ rows: 3, columns: 4, allocated: 8, samples: 3, photometric: "RGB" });
  const got = await values(d.file(d.syntaxes.rle, rgb.elements, { pixels: pack(rgb, 1, 3) }));
  assert.deepEqual([...got].filter((_, i) => i % 4 < 3), [...rgb.data]);
});

test("dicom: colour by pixel, by plane, and YBR", async () => {
  const bytes = Uint8Array.of(255, 0, 0, 0, 255, 0);
  const one = (planar, photometric, data) => d.file(d.syntaxes.explicit, [...d.image({ rows: 1, columns: 2, allocated: 8, samples: 3, planar, photometric }), d.pixelData(data)]);
  const want = [255, 0, 0, 255, 0, 255, 0, 255];
  assert.deepEqual([...await values(one(0, "RGB", bytes))], want);
  assert.deepEqual([...await values(one(1, "RGB", Uint8Array.of(255, 0, 0, 255, 0, 0)))], want);
  assert.deepEqual([...await values(one(0, "YBR_FULL", Uint8Array.of(76, 85, 255, 150, 44, 21)))].map((v) => Math.round(v / 16)), want.map((v) => Math.round(v / 16)));
});

test("dicom: frames of a multi-frame file", async () => {
  const { data, elements } = ramp({ frames: 3 });
  const bytes = d.file(d.syntaxes.explicit, [...elements, d.pixelData(data)]);
  assert.deepEqual([...await values(bytes, 2)], [...data.subarray(40)]);
  const parts = [0, 1, 2].map((n) => d.rle(Buffer.from(data.slice(n * 20, n * 20 + 20).buffer), 2));
  const packed = d.file(d.syntaxes.rle, elements, { pixels: d.encapsulate(parts) });
  assert.deepEqual([...await values(packed, 1)], [...data.subarray(20, 40)]);
});

test("dicom: what cannot be shown is said so", async () => {
  const { data, elements } = ramp({});
  const cases = {
    "JPEG 2000": d.file(d.syntaxes.jpeg2000, elements, { pixels: d.encapsulate([Buffer.alloc(9)]) }),
    "no pixels": d.file(d.syntaxes.explicit, elements), "cut pixels": d.file(d.syntaxes.explicit, [...elements, d.pixelData(data.subarray(1))]),
    "palette": d.file(d.syntaxes.explicit, [...d.image({ rows: 4, columns: 5, photometric: "PALETTE COLOR" }), d.pixelData(data)]),
    "32 bits": d.file(d.syntaxes.explicit, [...d.image({ rows: 4, columns: 5, allocated: 32 }), d.pixelData(data)]),
    "a modality table": d.file(d.syntaxes.explicit, [...elements, [0x00283000, "SQ", [[[0x00283002, "US", 1]]]], d.pixelData(data)]),
    "empty": Buffer.alloc(0), "text": Buffer.from("not DICOM".repeat(50)),
  };
  for (const [name, bytes] of Object.entries(cases)) await assert.rejects(open(bytes), Unshowable, name);
});

test("dicom: a header that is cut asks for more", () => {
  const { data, elements } = ramp({});
  const bytes = d.file(d.syntaxes.explicit, [...elements, [0x00081140, "SQ", [[[0x00080060, "CS", "CT"]]]], d.pixelData(data)]);
  const end = bytes.length - data.byteLength;
  for (let n = 400; n < end - 12; n++) assert.throws(() => parse(bytes.subarray(0, n)), Cut, `at ${n}`);
  assert.equal(describe(bytes.subarray(0, end)).rows, 4);
});

test("dicom: damaged files end in an error, quickly", async () => {
  const next = random(5);
  const [base] = slices({ size: 16, count: 1 });
  for (let i = 0; i < 1500; i++) {
    const bad = Buffer.from(base);
    for (let k = 0; k < 4; k++) bad[132 + Math.floor(next() * (base.length - 132))] = Math.floor(next() * 256);
    try {
      const image = await open(bad);
      if (image.frames < 1000) await frame(image, 0);
    } catch (err) {
      assert.ok(err instanceof Error);
    }
  }
});

const corpus = new URL("../../../../../shared/corpus/dicom/", import.meta.url).pathname;

// convert is dcmtk's idea of the file without compression.
function convert(path) {
  const out = join(mkdtempSync(join(tmpdir(), "dcm-")), "out.dcm");
  for (const tool of ["dcmdjpeg", "dcmdrle", "dcmconv"]) {
    try {
      execFileSync(tool, tool === "dcmdjpeg" ? ["+te", "+cn", path, out] : ["+te", path, out], { stdio: "ignore" });
      return readFileSync(out);
    } catch (err) {
      if (err.code === "ENOENT") throw err;
    }
  }
  return null;
}

test("dicom: real files show the values dcmtk reads", async () => {
  if (!existsSync(corpus)) skip(`no corpus at ${corpus}`);
  const paths = ["files", "synthetic"].flatMap((dir) => readdirSync(join(corpus, dir)).map((n) => join(corpus, dir, n))).filter((p) => !p.endsWith(".json"));
  const seen = { same: 0, refused: 0 };
  for (const path of paths) {
    let image;
    try {
      image = await open(readFileSync(path));
    } catch (err) {
      assert.ok(err instanceof Unshowable, `${path}: ${err.stack}`);
      seen.refused++;
      continue;
    }
    if (image.syntax === d.syntaxes.jpeg || image.syntax.endsWith("4.51")) continue;
    const plain = convert(path);
    if (!plain) continue;
    const want = await open(plain);
    for (const n of [0, image.frames - 1]) assert.deepEqual((await frame(image, n)).data, (await frame(want, n)).data, `${path} frame ${n}`);
    seen.same++;
  }
  assert.ok(seen.same >= 15, JSON.stringify(seen));
});

test("window: linear, as PS3.3 C.11.2.1.2 says", () => {
  const lut = table({ center: 2048, width: 4096, invert: false }, 1, 0);
  const at = (v) => lut[v + 32768];
  assert.equal(at(0), 0);
  assert.equal(at(4095), 255);
  assert.equal(at(2048), 128);
  assert.equal(at(-5), 0);
  assert.equal(table({ center: 2048, width: 4096, invert: true }, 1, 0)[32768], 255);
  assert.equal(table({ center: 0, width: 1001, invert: false }, 1, -1000)[1000 + 32768], 128);
});

test("window: range of signed and unsigned values", () => {
  assert.deepEqual(range(Int16Array.of(-1000, 5, 3000)), [-1000, 3000]);
  assert.deepEqual(range(Uint16Array.of(7, 65535)), [7, 65535]);
  assert.deepEqual(range(Uint8Array.of(0, 255)), [0, 255]);
  assert.deepEqual(full(Int16Array.of(0, 100), 2, 10, 0), { center: 110, width: 200 });
});

test("window: identity leaves pictures as they are", () => {
  const lut = table({ center: 128, width: 256, invert: false }, 1, 0);
  const data = Uint8ClampedArray.of(0, 1, 127, 255, 128, 254, 255, 255);
  const out = new Uint8ClampedArray(8);
  paint({ data, samples: 4 }, lut, out);
  assert.deepEqual([...out], [...data]);
});

async function series(options) {
  const images = [];
  for (const bytes of slices({ size: 12, count: 10, ...options })) images.push(await open(bytes));
  return images;
}

test("volume: slices are sorted by where they lie, not by number", async () => {
  const images = await series();
  const geometry = stack(images);
  const z = geometry.list.map((f) => f.position[2]);
  assert.deepEqual(z, [...z].sort((a, b) => a - b));
  assert.ok(isVolume(images, geometry));
  assert.ok(geometry.oriented);
  assert.deepEqual(geometry.spacing.map((s) => s.toFixed(2)), ["0.40", "0.40", "0.40"]);
});

// placed are images at given places, without pixels; along makes places.
const placed = (places, more = {}) => places.map((position, instance) => ({
  frames: 1, positions: [position], orientation: [1, 0, 0, 0, 1, 0], spacing: [0.4, 0.4], thickness: 1, instance, rows: 8, columns: 8, samples: 1,
  allocated: 16, signed: false, slope: 1, intercept: 0, photometric: "MONOCHROME2", modality: "CT", ...more,
}));
const along = (step, n = 10) => Array.from({ length: n }, (_, k) => step.map((v) => v * k));

test("volume: what leans or is rounded is one still", () => {
  const turn = (degrees) => [1, 0, 0, 0, Math.cos(degrees * Math.PI / 180), Math.sin(degrees * Math.PI / 180)];
  const cases = {
    "straight": placed(along([0, 0, 1])), "downwards": placed(along([0, 0, -1])),
    "a tilted gantry": placed(along([0, 0, 2]), { orientation: turn(25) }),
    "oblique": placed(along([0, -Math.sin(0.4), Math.cos(0.4)]), { orientation: turn(0.4 * 180 / Math.PI) }),
    "places of two decimals": placed(along([0, 0, 0.075], 200).map((p) => p.map((v) => +v.toFixed(2)))),
    "steps a little uneven": placed(along([0, 0, 1]).map(([x, y, z], k) => [x, y, z + (k % 2) * 0.04])),
    "directions of four decimals": placed(along([0, 0, 1])).map((i, k) => ({ ...i, orientation: [1, k % 2 ? 1e-4 : 0, 0, 0, 1, 0] })),
  };
  for (const [name, images] of Object.entries(cases)) {
    const geometry = stack(images);
    assert.deepEqual([isVolume(images, geometry), geometry.oriented], [true, true], name);
  }
});

test("volume: slices that are missing, doubled or of several series make none", () => {
  const good = placed(along([0, 0, 1]));
  const sagittal = placed(along([1, 0, 0.01]).map(([x, y, z]) => [x, y, z + 10.5]), { orientation: [0, 1, 0, 0, 0, -1] });
  const cases = {
    "two directions": [...good, ...sagittal],
    "one slice missing": placed(along([0, 0, 1], 12).filter((_, k) => k !== 5)), "one of many missing": placed(along([0, 0, 0.3], 400).filter((_, k) => k !== 7)),
    "many missing": placed([0, 1, 2, 3, 4, 40, 41, 42].map((z) => [0, 0, z])), "one doubled": [...good, { ...good[4], instance: 11 }],
    "all in one place": placed(along([0, 0, 0])), "two joints side by side": placed(along([0, 0, 1]).map(([, , z]) => [z < 5 ? 0 : 60, 0, z])),
    "another spacing": [...good.slice(1), { ...good[0], spacing: [0.4, 0.5] }], "another size": [...good.slice(1), { ...good[0], rows: 9 }],
    "no places": placed(along([]), { orientation: [] }), "no place for one": [...good.slice(1), { ...good[0], positions: [[]] }],
    "slices behind each other": placed(along([0, 1, 0.3])),
  };
  for (const [name, images] of Object.entries(cases)) {
    const geometry = stack(images);
    assert.deepEqual([isVolume(images, geometry), geometry.oriented, geometry.loose, belongs(images, geometry)], [false, false, true, true], name);
    assert.equal(geometry.list.length, images.length, name);
  }
  assert.deepEqual(stack(cases["many missing"].toReversed()).list.map((f) => f.position[2]), [0, 1, 2, 3, 4, 40, 41, 42]);
  const [image] = placed([[0, 0, 0]], { frames: 10 }); // one file whose frames share one place
  assert.deepEqual([isVolume([image], stack([image])), stack([image]).oriented], [true, false]);
});

// numbered is a volume whose value at i, j, k tells its place.
async function numbered(directions, limit = 1e9) {
  const [ni, nj, nk] = [4, 5, 6];
  const list = Array.from({ length: nk }, (_, k) => k);
  const read = (k) => ({ columns: ni, rows: nj, data: Int16Array.from({ length: ni * nj }, (_, p) => p % ni + 10 * Math.floor(p / ni) + 100 * k) });
  return build({ list, directions, spacing: [1, 1, 2], oriented: true }, read, limit, () => true);
}

const view = (volume, name) => volume.views.find((v) => v.name === name);

test("volume: axial, coronal and sagittal of a standard series", async () => {
  const v = await numbered([[1, 0, 0], [0, 1, 0], [0, 0, 1]]);
  const axial = v.slice(view(v, "axial"), 3);
  assert.deepEqual([axial.columns, axial.rows, axial.data[0], axial.data[1], axial.data[4]], [4, 5, 300, 301, 310]);
  const coronal = v.slice(view(v, "coronal"), 2);
  assert.deepEqual([coronal.columns, coronal.rows], [4, 6]);
  assert.deepEqual([coronal.data[0], coronal.data[1], coronal.data.at(-4)], [520, 521, 20], "head is up");
  const sagittal = v.slice(view(v, "sagittal"), 1);
  assert.deepEqual([sagittal.columns, sagittal.rows, sagittal.data[0], sagittal.data[1]], [5, 6, 501, 511], "front is left");
  assert.deepEqual(sagittal.spacing, [1, 2]);
});

test("volume: a series taken from the side shows the same planes", async () => {
  // columns run to the back, rows to the feet, slices to the left
  const v = await numbered([[0, 1, 0], [0, 0, -1], [-1, 0, 0]]);
  assert.deepEqual(assign([[0, 1, 0], [0, 0, -1], [-1, 0, 0]]).map((a) => [a.axis, a.sign]), [[2, -1], [0, 1], [1, -1]]);
  const sagittal = v.slice(view(v, "sagittal"), 0);
  assert.deepEqual([sagittal.columns, sagittal.rows, sagittal.data[0]], [4, 5, 500], "as it was taken");
  const axial = v.slice(view(v, "axial"), 0);
  assert.deepEqual([axial.columns, axial.rows, axial.data[0], axial.data[1]], [6, 4, 540, 440], "right of the patient is left");
});

test("volume: large ones are reduced, not refused", async () => {
  assert.equal(reduction(512, 512, 500, 2, 320 << 20), 1);
  assert.equal(reduction(700, 700, 600, 2, 320 << 20), 2);
  const v = await numbered([[1, 0, 0], [0, 1, 0], [0, 0, 1]], 100);
  assert.deepEqual(v.size, [2, 2, 6]);
  assert.equal(v.factor, 2);
  assert.equal(v.data[0], Math.round((0 + 1 + 10 + 11) / 4));
  assert.ok(v instanceof Volume);
});

test("volume: enhanced multi-frame positions come from the functional groups", async () => {
  const { data, elements } = ramp({ frames: 6, signed: 1 });
  const place = (k) => [[0x00209113, "SQ", [[[0x00200032, "DS", `0\\0\\${9 - k * 3}`]]]]];
  const shared = [[0x00209116, "SQ", [[[0x00200037, "DS", "1\\0\\0\\0\\1\\0"]]]], [0x00289110, "SQ", [[[0x00180050, "DS", "3"], [0x00280030, "DS", "0.5\\0.25"]]]],
    [0x00289145, "SQ", [[[0x00281052, "DS", "-1000"], [0x00281053, "DS", "2"]]]]];
  for (const syntax of ["explicit", "implicit"]) {
    const image = await open(d.file(d.syntaxes[syntax], [...elements, [0x52009229, "SQ", [shared]], [0x52009230, "SQ", [0, 1, 2, 3, 4, 5].map(place)], d.pixelData(data)]));
    const geometry = stack([image]);
    assert.deepEqual(geometry.list.map((f) => f.index), [5, 4, 3, 2, 1, 0], syntax);
    assert.deepEqual(geometry.spacing, [0.25, 0.5, 3]);
    assert.deepEqual([image.slope, image.intercept], [2, -1000]);
    assert.ok(isVolume([image], geometry));
  }
  const turned = (k) => [...place(k), [0x00209116, "SQ", [[[0x00200037, "DS", k < 3 ? "1\\0\\0\\0\\1\\0" : "0\\1\\0\\0\\0\\-1"]]]]];
  const mixed = await open(d.file(d.syntaxes.explicit, [...elements, [0x52009230, "SQ", [0, 1, 2, 3, 4, 5].map(turned)], d.pixelData(data)]));
  assert.equal(isVolume([mixed], stack([mixed])), false, "frames of two directions");
});
