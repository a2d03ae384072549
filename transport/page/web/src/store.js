// Where the plaintext lies while the page is open: the origin private file
// system (OPFS), or Blobs when the browser refuses it (private windows,
// pages opened from disk). Files of closed or crashed pages are swept away
// when any page starts; a Web Lock marks those still in use.
import { Fault } from "./fault.js";

const folder = "chartseal";
const partSize = 8 << 20;
const patience = 10000; // ms

let known = null;

// openFolder keeps the handle: a page that is closing has no time to ask for it.
async function openFolder() {
  known ??= await (await navigator.storage.getDirectory()).getDirectoryHandle(folder, { create: true });
  return known;
}

// claim holds the lock of a file as long as the page lives.
export function claim(name) {
  navigator.locks?.request(`${folder}:${name}`, () => new Promise(() => {})).catch(() => {});
}

// sweep removes what earlier pages left behind.
export async function sweep() {
  let dir;
  try {
    dir = await openFolder();
  } catch {
    return;
  }
  const names = [];
  for await (const name of dir.keys()) names.push(name);
  for (const name of names) {
    const drop = (lock) => (lock ? dir.removeEntry(name).catch(() => {}) : undefined);
    if (navigator.locks) await navigator.locks.request(`${folder}:${name}`, { ifAvailable: true }, drop);
    else await drop(true);
  }
}

// remove deletes a file, waiting for a stopped worker to let go of it. It tells
// whether nothing of it is left.
export async function remove(name) {
  let dir;
  try {
    dir = await openFolder();
  } catch {
    return true; // without private storage nothing was kept in it
  }
  for (const until = performance.now() + patience; performance.now() < until;) {
    try {
      await dir.removeEntry(name);
      return true;
    } catch (err) {
      if (err.name === "NotFoundError") return true;
      if (err.name !== "NoModificationAllowedError" && err.name !== "InvalidStateError") return false;
      await new Promise((done) => setTimeout(done, 50));
    }
  }
  return false;
}

// roomFor says whether the browser would let this page keep so much. Where it
// does not tell, it may.
async function roomFor(bytes) {
  const { quota = Infinity, usage = 0 } = await navigator.storage.estimate?.() || {};
  return quota - usage > bytes;
}

// create opens a store for writing, in a worker, for about so many bytes.
export async function create(name, bytes) {
  let handle;
  let file;
  try {
    if (!await roomFor(bytes)) return new Parts();
    const dir = await openFolder();
    file = await dir.getFileHandle(name, { create: true });
    handle = await file.createSyncAccessHandle();
    handle.truncate(0);
  } catch {
    handle?.close();
    return new Parts();
  }
  return new PrivateFile(name, file, handle);
}

class PrivateFile {
  constructor(name, file, handle) {
    Object.assign(this, { kind: "opfs", name, file, handle, size: 0 });
  }

  write(chunk) {
    for (let done = 0; done < chunk.length;) {
      const n = this.put(done ? chunk.subarray(done) : chunk);
      if (n <= 0) throw new Fault("no_space");
      done += n;
      this.size += n;
    }
  }

  put(bytes) {
    try {
      return this.handle.write(bytes, { at: this.size });
    } catch (err) {
      throw err.name === "QuotaExceededError" ? new Fault("no_space") : err;
    }
  }

  // finish looks whether all is there: browsers have been seen to drop what is
  // above the quota without a word.
  async finish() {
    this.handle.flush();
    this.letGo();
    const file = await this.file.getFile();
    if (file.size !== this.size) throw new Fault("no_space", "the file is shorter than what was written");
    return file;
  }

  letGo() {
    this.handle?.close();
    this.handle = null;
  }

  // empty takes away what was written, at once. Once the file was let go of, only
  // deleting does.
  empty() {
    this.handle?.truncate(0);
    this.letGo();
  }

  async discard() {
    this.letGo();
    await remove(this.name);
  }
}

class Parts {
  constructor() {
    Object.assign(this, { kind: "memory", parts: [], part: new Uint8Array(partSize), used: 0, size: 0 });
  }

  write(chunk) {
    for (let rest = chunk; rest.length > 0;) {
      const n = Math.min(rest.length, partSize - this.used);
      this.part.set(rest.subarray(0, n), this.used);
      this.used += n;
      this.size += n;
      rest = rest.subarray(n);
      if (this.used === partSize) this.flush();
    }
  }

  flush() {
    this.parts.push(new Blob([this.part.subarray(0, this.used)]));
    this.used = 0;
  }

  async finish() {
    this.flush();
    this.part = null;
    return new Blob(this.parts);
  }

  empty() {
    this.parts = [];
    this.part = null;
  }

  async discard() {
    this.empty();
  }
}
