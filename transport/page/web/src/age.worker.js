// The worker: fetch, decrypt, check. scrypt blocks whoever runs it, so none
// of this may happen on the page's own thread.
import { Fault } from "./fault.js";
import { download, local } from "./source.js";
import { create } from "./store.js";
import { check, decrypt } from "./open.js";

// Outside secure contexts there is no WebCrypto; age-encryption falls back to
// its own X25519 when told so by NotSupportedError.
if (!crypto.subtle) {
  const importKey = () => { throw new DOMException("no WebCrypto", "NotSupportedError"); };
  Object.defineProperty(crypto, "subtle", { value: { importKey } });
}

let last = 0;
let store = null;
function report(step, done, total) {
  const now = performance.now();
  if (done < total && now - last < 80) return;
  last = now;
  postMessage({ step, done, total });
}

async function run({ source, secret, expect, name }) {
  const lost = () => postMessage({ step: "wait" });
  const input = source.file ? local(source.file) : await download(source.url, { lost });
  store = await create(name, expect.bytes);
  try {
    postMessage({ step: "unlock" });
    await decrypt(input, secret, store, expect, report);
    const archive = await store.finish();
    const opened = await check(archive, expect, report);
    postMessage({ opened: { ...opened, archive, kind: store.kind } });
  } catch (err) {
    await store.discard().catch(() => {});
    throw err;
  }
}

// stop leaves nothing behind, and nothing that could still write.
async function stop() {
  store?.empty();
  await store?.discard();
  close();
}

addEventListener("message", (event) => {
  if (event.data.stop) {
    stop();
    return;
  }
  run(event.data).catch((err) => {
    postMessage({ fault: err instanceof Fault ? err.code : "unexpected", message: String(err?.message) });
  });
});
