// The sealed bundle as a byte stream: downloaded, or a file the recipient has
// saved. A broken download is taken up again where it stopped; what arrives is
// authenticated chunk by chunk by age, so a store cannot splice two objects.
import { Fault } from "./fault.js";

// A lost connection is tried again for about three minutes: a phone that slept
// or changed its network needs a while to find its way back.
const retries = 11;
const longest = 30000; // between two tries, in ms
const silence = 60000; // without a byte, in ms: the connection is taken for dead

const request = (url, from, signal) => fetch(url, {
  credentials: "omit", referrerPolicy: "no-referrer", cache: "no-store", mode: "cors", redirect: "error", signal,
  headers: from > 0 ? { Range: `bytes=${from}-` } : {},
});

// refusal maps an HTTP status to what the recipient is told. S3 answers 403
// for an expired link and 404 for an object that was deleted, in XML; a page of
// HTML comes from something between the two, such as a network's sign-in.
export function refusal(status, body = "") {
  if (/<html|<!doctype html/i.test(body)) return "intercepted";
  if (status === 403 || status === 400 || status === 401) return /expired/i.test(body) ? "expired" : "refused";
  if (status === 404 || status === 405 || status === 410) return "revoked";
  return "busy";
}

// Line is one connection to the store. It is given up after a silence.
class Line {
  constructor(url, patience) {
    Object.assign(this, { url, patience, control: new AbortController(), skip: 0 });
  }

  // patient ends with the silence by itself: not everywhere does what was aborted.
  async patient(promise) {
    let timer;
    const silence = new Promise((_, fail) => {
      timer = setTimeout(() => {
        this.control.abort();
        fail(new Error("silent"));
      }, this.patience);
    });
    try {
      return await Promise.race([promise, silence]);
    } finally {
      clearTimeout(timer);
    }
  }

  // open asks for the object from a byte on, and returns the answer's headers.
  // A store that knows no ranges sends all of it: what is known is skipped.
  async open(from) {
    const answer = await this.patient(request(this.url, from, this.control.signal)).catch(() => { throw new Fault("offline"); });
    const { status, headers } = answer;
    if (status === 416 && from > 0) {
      this.reader = new Blob([]).stream().getReader(); // nothing is there any more
      return headers;
    }
    const page = /^text\/html/i.test(headers.get("Content-Type") || "");
    if (page && status < 400) throw new Fault("intercepted", `status ${status}`);
    if (status !== 200 && (status !== 206 || from === 0)) {
      const body = status < 400 ? "" : (await this.patient(answer.text()).catch(() => "")).slice(0, 4096);
      throw new Fault(refusal(status, body), `status ${status}`);
    }
    const start = status === 200 ? 0 : Number(/bytes (\d+)-/.exec(headers.get("Content-Range") || "")?.[1] ?? from);
    if (start > from) throw new Fault("busy", "another range than asked for");
    this.skip = from - start;
    this.reader = answer.body.getReader();
    return headers;
  }

  async read() {
    for (;;) {
      const { done, value } = await this.patient(this.reader.read());
      if (done || value.length > this.skip) {
        const fresh = done ? null : value.subarray(this.skip);
        this.skip = 0;
        return fresh;
      }
      this.skip -= value.length;
    }
  }
}

// pause waits, but no longer than until the device is online again.
const pause = (ms) => new Promise((done) => {
  const end = () => {
    clearTimeout(timer);
    globalThis.removeEventListener?.("online", end);
    done();
  };
  const timer = setTimeout(end, ms);
  globalThis.addEventListener?.("online", end);
});

// download streams an URL. Faults that waiting cannot mend end it at once;
// lost is told when the connection broke and is tried again.
export async function download(url, { wait = pause, patience = silence, lost = () => {} } = {}) {
  let line = new Line(url, patience);
  const headers = await line.open(0);
  // An encoding that was undone on the way (RFC 9110 section 8.4) makes lengths
  // and ranges those of other bytes than the ones that arrive here.
  const encoded = !/^(|identity)$/i.test(headers.get("Content-Encoding") || "");
  const size = encoded ? 0 : Number(headers.get("Content-Length")) || 0;
  let seen = 0;
  let broken = 0;
  let unwanted = false;

  async function again() {
    for (;;) {
      if (++broken > retries) throw new Fault("offline", "download broke off");
      lost();
      await wait(Math.min(longest, 500 * 2 ** (broken - 1)));
      try {
        line = new Line(url, patience);
        await line.open(encoded ? 0 : seen);
        if (encoded) line.skip = seen;
        return;
      } catch (err) {
        if (err.code !== "offline" && err.code !== "busy") throw err;
      }
    }
  }

  async function pull(out) {
    for (;;) {
      try {
        const value = await line.read();
        if (!value) return out.close();
        seen += value.length;
        broken = 0;
        return out.enqueue(value);
      } catch {
        if (unwanted) return undefined;
        await again();
      }
    }
  }
  function cancel() {
    unwanted = true;
    line.control.abort();
  }
  const stream = new ReadableStream({ pull, cancel }, { highWaterMark: 4 });
  return { stream, size, saved: false };
}

// local streams a file the recipient picked.
export function local(file) {
  return { stream: file.stream(), size: file.size, saved: true };
}
