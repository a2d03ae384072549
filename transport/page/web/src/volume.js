// A series of slices as one volume, and the three planes a dentist expects of
// it. Geometry: PS3.3 sections C.7.6.1.1.1 (patient based coordinates: x to
// the left, y to the back, z to the head) and C.7.6.2.1.1 (image plane).
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];

// planes names, for each view, the patient direction that points to the
// right (h) and down (v) on the screen, and the one the slices follow (n).
const planes = {
  axial: { h: [0, 1], v: [1, 1], n: [2, 1], marks: { left: "r", right: "l", top: "a", bottom: "p" } },
  coronal: { h: [0, 1], v: [2, -1], n: [1, 1], marks: { left: "r", right: "l", top: "h", bottom: "f" } },
  sagittal: { h: [1, 1], v: [2, -1], n: [0, 1], marks: { left: "a", right: "p", top: "h", bottom: "f" } },
};

// stack lists all frames of some images in the order they lie in the body
// ({image, index} each), with directions and spacing in mm.
export function stack(images) {
  const list = images.flatMap((image) => Array.from({ length: image.frames }, (_, index) => ({
    image, index, position: image.positions[index] || image.positions[0],
  })));
  const [first] = images;
  const oriented = first.orientation?.length === 6;
  const row = oriented ? first.orientation.slice(0, 3) : [1, 0, 0];
  const column = oriented ? first.orientation.slice(3) : [0, 1, 0];
  const normal = cross(row, column);
  const placed = oriented && list.every((f) => f.position?.length === 3);
  const depth = (f) => dot(f.position, normal);
  const distinct = placed && new Set(list.map((f) => depth(f).toFixed(3))).size === list.length;
  if (distinct) list.sort((a, b) => depth(a) - depth(b));
  else list.sort((a, b) => a.image.instance - b.image.instance || a.index - b.index);
  const gap = distinct && list.length > 1 ? (depth(list.at(-1)) - depth(list[0])) / (list.length - 1) : first.thickness;
  const [down, across] = first.spacing?.length === 2 ? first.spacing : [1, 1];
  return { list, oriented: distinct, directions: [row, column, normal], spacing: [across || 1, down || 1, gap || across || 1] };
}

// isVolume says whether the frames are slices of one body rather than
// pictures that merely came together.
export function isVolume(images, { list }) {
  const [first] = images;
  const alike = images.every((i) => i.rows === first.rows && i.columns === first.columns && i.samples === 1
    && i.allocated === first.allocated && i.signed === first.signed && i.slope === first.slope && i.intercept === first.intercept
    && i.photometric === first.photometric);
  return alike && list.length >= 5 && (["CT", "MR", "PT"].includes(first.modality) || images.length === 1 && first.positions.length > 1);
}

// assign maps each patient axis to the volume axis that runs closest to it.
export function assign(directions) {
  const permutations = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
  const score = (p) => p.reduce((sum, axis, patient) => sum + Math.abs(directions[axis][patient]), 0);
  const best = permutations.reduce((a, b) => (score(b) > score(a) + 1e-9 ? b : a));
  return best.map((axis, patient) => ({ axis, sign: directions[axis][patient] < 0 ? -1 : 1 }));
}

export class Volume {
  // geometry is what stack returned; size is [columns, rows, slices] after
  // reduction by factor.
  constructor(geometry, size, factor, Values) {
    const [across, down, gap] = geometry.spacing;
    Object.assign(this, { size, factor, oriented: geometry.oriented, spacing: [across * factor, down * factor, gap] });
    this.data = new Values(size[0] * size[1] * size[2]);
    this.strides = [1, size[0], size[0] * size[1]];
    const axes = assign(geometry.directions);
    this.views = Object.entries(planes).map(([name, plane]) => this.view(name, plane, axes));
  }

  view(name, plane, axes) {
    const along = ([patient, sign]) => ({ axis: axes[patient].axis, sign: axes[patient].sign * sign });
    const [h, v, n] = [plane.h, plane.v, plane.n].map(along);
    return { name, h, v, n, count: this.size[n.axis], marks: this.oriented ? plane.marks : null };
  }

  // put averages one slice's values into the volume.
  put(k, values, columns) {
    const [width, height] = this.size;
    const f = this.factor;
    const base = k * this.strides[2];
    if (f === 1) {
      this.data.set(values, base);
      return;
    }
    for (let j = 0; j < height; j++) {
      for (let i = 0; i < width; i++) {
        let sum = 0;
        for (let y = 0; y < f; y++) for (let x = 0; x < f; x++) sum += values[(j * f + y) * columns + i * f + x];
        this.data[base + j * width + i] = Math.round(sum / (f * f));
      }
    }
  }

  // slice cuts plane number at out of a view: {columns, rows, samples, data,
  // spacing: [across, down]}.
  slice({ h, v, n }, at) {
    const [columns, rows] = [this.size[h.axis], this.size[v.axis]];
    const out = new this.data.constructor(columns * rows);
    const across = h.sign * this.strides[h.axis];
    const down = v.sign * this.strides[v.axis];
    const corner = (a) => (a.sign < 0 ? (this.size[a.axis] - 1) * this.strides[a.axis] : 0);
    const start = corner(h) + corner(v) + this.layer(n, at) * this.strides[n.axis];
    for (let y = 0, o = 0; y < rows; y++) {
      for (let x = 0, p = start + y * down; x < columns; x++, p += across) out[o++] = this.data[p];
    }
    return { columns, rows, samples: 1, data: out, spacing: [this.spacing[h.axis], this.spacing[v.axis]] };
  }

  layer(n, at) {
    return n.sign < 0 ? this.size[n.axis] - 1 - at : at;
  }
}

// reduction is the factor by which slices are scaled down to stay in limit
// bytes.
export function reduction(columns, rows, slices, bytes, limit) {
  for (let factor = 1; ; factor++) {
    if (Math.floor(columns / factor) * Math.floor(rows / factor) * slices * bytes <= limit || factor === 8) return factor;
  }
}

// build reads every frame into a volume.
export async function build(geometry, read, limit, onProgress) {
  const { list } = geometry;
  const sample = await read(list[0]);
  const factor = reduction(sample.columns, sample.rows, list.length, sample.data.BYTES_PER_ELEMENT, limit);
  const size = [Math.floor(sample.columns / factor), Math.floor(sample.rows / factor), list.length];
  const volume = new Volume(geometry, size, factor, sample.data.constructor);
  for (let k = 0; k < list.length; k++) {
    const picture = k === 0 ? sample : await read(list[k]);
    volume.put(k, picture.data, picture.columns);
    if (onProgress(k + 1, list.length) === false) return null;
  }
  return volume;
}
