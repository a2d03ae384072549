// One opening of the bundle: a worker that fetches, decrypts and checks, and
// the plaintext it leaves in the store until it is closed.
import workerText from "worker:age.worker.js";
import { claim, remove } from "./store.js";

const grace = 400; // ms: a browser that is told to close a tab waits for half a second

// Trusted Types (a W3C draft, on by the page's CSP) let only this one script
// be started.
const policy = globalThis.trustedTypes?.createPolicy("chartseal", { createScriptURL: (url) => url });

function startWorker() {
  const url = URL.createObjectURL(new Blob([workerText], { type: "text/javascript" }));
  const worker = new Worker(policy ? policy.createScriptURL(url) : url);
  worker.addEventListener("message", () => URL.revokeObjectURL(url), { once: true });
  return worker;
}

// awake keeps the screen on while the page works (Screen Wake Lock, a W3C draft):
// a phone that falls asleep stops receiving. Where it is refused, what broke off
// is taken up later.
async function awake() {
  try {
    return await navigator.wakeLock?.request("screen");
  } catch {
    return null;
  }
}

export class Session {
  constructor() {
    this.name = Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, "0")).join("");
    this.worker = null;
  }

  // open resolves to {manifest, records, members, archive}; it rejects with an
  // error whose code names the sentence to show.
  open(request, onProgress) {
    claim(this.name);
    const lit = awake();
    return new Promise((resolve, reject) => {
      const fail = (code, message) => reject(Object.assign(new Error(message), { code }));
      this.worker = startWorker();
      this.worker.addEventListener("error", (event) => fail("unexpected", event.message));
      this.worker.addEventListener("message", ({ data }) => {
        if (data.step) onProgress(data);
        if (data.fault) fail(data.fault, data.message);
        if (data.opened) resolve(data.opened);
      });
      this.worker.postMessage({ ...request, name: this.name });
    }).finally(() => {
      this.stop();
      lit.then((lock) => lock?.release());
    });
  }

  stop() {
    this.worker?.terminate();
    this.worker = null;
  }

  // abandon deletes the plaintext of a page that is going away. The worker has to
  // let go of its file first; nothing can be waited for any more, so this thread
  // gives it a moment. A worker that comes later deletes the file by itself: it is
  // left alone, for it ends with the page.
  abandon() {
    if (this.worker) {
      this.worker.postMessage({ stop: true });
      for (const until = performance.now() + grace; performance.now() < until;);
    }
    remove(this.name);
  }

  // close deletes the plaintext, and resolves to whether it is gone.
  close() {
    this.stop();
    return remove(this.name);
  }
}
