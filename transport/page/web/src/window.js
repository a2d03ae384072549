// Window and level: from stored values to what the screen shows (PS3.3
// section C.11.2.1.2, linear).

// range finds the lowest and highest stored value of a picture, leaving out
// the given share at both ends.
export function range(data, share = 0) {
  const counts = new Uint32Array(65536);
  const step = Math.max(1, Math.floor(data.length / 400000));
  let n = 0;
  for (let i = 0; i < data.length; i += step, n++) counts[data[i] + 32768 & 0xffff]++;
  const offset = data instanceof Int16Array || data instanceof Int8Array ? -32768 : 32768;
  const find = (from, to, dir) => {
    let seen = 0;
    for (let v = from; v !== to; v += dir) {
      seen += counts[v + 32768 & 0xffff];
      if (seen > n * share) return v;
    }
    return from;
  };
  const [low, high] = offset < 0 ? [-32768, 32767] : [0, 65535];
  return [find(low, high + 1, 1), find(high, low - 1, -1)];
}

// full is the window that shows all of a picture.
export function full(data, slope, intercept, share) {
  const [low, high] = range(data, share).map((v) => v * slope + intercept);
  return { center: (low + high) / 2, width: Math.max(1, Math.abs(high - low)) };
}

// table maps a stored value, plus 32768, to 0-255.
export function table({ center, width, invert }, slope, intercept, out = new Uint8Array(98304)) {
  const w = Math.max(1e-6, width - 1);
  for (let i = 0; i < out.length; i++) {
    const x = (i - 32768) * slope + intercept;
    const y = ((x - (center - 0.5)) / w + 0.5) * 255;
    const shade = y <= 0 ? 0 : y >= 255 ? 255 : y;
    out[i] = Math.round(invert ? 255 - shade : shade);
  }
  return out;
}

// paint fills RGBA pixels from a picture.
export function paint(picture, lut, pixels) {
  const { data, samples } = picture;
  if (samples === 1) {
    const words = new Uint32Array(pixels.buffer, pixels.byteOffset, data.length);
    for (let i = 0; i < data.length; i++) {
      const shade = lut[data[i] + 32768];
      words[i] = 0xff000000 | shade << 16 | shade << 8 | shade;
    }
    return;
  }
  for (let i = 0; i < data.length; i += 4) {
    pixels[i] = lut[data[i] + 32768];
    pixels[i + 1] = lut[data[i + 1] + 32768];
    pixels[i + 2] = lut[data[i + 2] + 32768];
    pixels[i + 3] = data[i + 3];
  }
}
