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

// How far slices may be from lying evenly and still be one volume: what rounding
// of decimal text does to directions (cosines) and pixel spacing (share), and to
// the step from one slice to the next, a tenth of it or 0.01 mm. The slices may
// lean by 30 degrees against their path, as a tilted gantry makes them (PS3.3
// section C.8.2.1, Gantry/Detector Tilt); side views leave that out.
const tolerance = { cosine: 1e-3, spacing: 1e-3, step: 0.1, rounding: 0.01 + 1e-6, lean: Math.cos(31 * Math.PI / 180) };

// framesOf lists all frames of some images: {image, index} each, with position,
// orientation and spacing.
const framesOf = (images) => images.flatMap((image) => Array.from({ length: image.frames }, (_, index) => ({
  image, index, position: image.positions[index] || image.positions[0],
  orientation: image.orientations?.[index] || image.orientation, spacing: image.spacings?.[index] || image.spacing,
})));

const near = (a, b, most) => a?.length === b?.length && (a || []).every((v, i) => Math.abs(v - b[i]) <= most);

// parallel says whether all frames have the size, directions and pixel spacing of
// the first one.
const parallel = ([first, ...rest]) => rest.every((f) => f.image.rows === first.image.rows && f.image.columns === first.image.columns
  && near(f.orientation, first.orientation, tolerance.cosine)
  && near(f.spacing, first.spacing, tolerance.spacing * (first.spacing?.[0] || 0)));

// evenly says whether frames in the order of their depth follow each other in
// equal steps: none is missing, none comes twice, none lies aside.
function evenly(list, normal) {
  const steps = list.slice(1).map((f, k) => f.position.map((v, axis) => v - list[k].position[axis]));
  const mean = list[0].position.map((v, axis) => (list.at(-1).position[axis] - v) / Math.max(1, steps.length));
  const length = Math.sqrt(dot(mean, mean));
  const most = Math.min(length / 2, Math.max(tolerance.step * length, tolerance.rounding));
  return length > 0 && dot(mean, normal) >= tolerance.lean * length && steps.every((step) => near(step, mean, most));
}

// stack lists all frames of some images in the order they lie in the body, with
// directions and spacing in mm. oriented says that they are slices of one volume
// whose place in the patient is known; loose, that where they lie contradicts one.
export function stack(images) {
  const list = framesOf(images);
  const [first] = list;
  const known = first.orientation?.length === 6;
  const row = known ? first.orientation.slice(0, 3) : [1, 0, 0];
  const column = known ? first.orientation.slice(3) : [0, 1, 0];
  const normal = cross(row, column);
  const placed = list.every((f) => f.orientation?.length === 6 && f.position?.length === 3) && parallel(list);
  const depth = (f) => dot(f.position, normal);
  const byNumber = (a, b) => a.image.instance - b.image.instance || a.index - b.index;
  list.sort((a, b) => placed && depth(a) - depth(b) || byNumber(a, b));
  const oriented = placed && evenly(list, normal);
  const gap = oriented && list.length > 1 ? (depth(list.at(-1)) - depth(list[0])) / (list.length - 1) : images[0].thickness;
  const [down, across] = first.spacing?.length === 2 ? first.spacing : [1, 1];
  // Frames of one file that share one place lie in the order they were written.
  const loose = !oriented && (images.length > 1 || images[0].positions.length > 1);
  return { list, oriented, loose, directions: [row, column, normal], spacing: [across || 1, down || 1, gap || across || 1] };
}

// belongs says whether the frames were taken as slices of one body rather than
// pictures that merely came together.
export function belongs([first, ...more], { list }) {
  return list.length >= 5 && first.samples === 1 && (["CT", "MR", "PT"].includes(first.modality) || more.length === 0 && first.positions.length > 1);
}

// isVolume says whether the frames can be shown as one volume.
export function isVolume(images, geometry) {
  const [first] = images;
  const alike = images.every((i) => i.rows === first.rows && i.columns === first.columns && i.samples === 1
    && i.allocated === first.allocated && i.signed === first.signed && i.slope === first.slope && i.intercept === first.intercept
    && i.photometric === first.photometric);
  return alike && !geometry.loose && belongs(images, geometry);
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
