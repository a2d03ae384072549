// The sealed bundle as a byte stream: downloaded, or a file the recipient has
// saved. A broken download is taken up again where it stopped; what arrives is
// authenticated chunk by chunk by age, so a store cannot splice two objects.
import { Fault } from "./fault.js";

const retries = 5;

const request = (url, from, signal) => fetch(url, {
  credentials: "omit", referrerPolicy: "no-referrer", cache: "no-store", mode: "cors", redirect: "error", signal,
  headers: from > 0 ? { Range: `bytes=${from}-` } : {},
});

// refusal maps an HTTP status to what the recipient is told. S3 answers 403
// for an expired link and 404 for an object that was deleted.
export function refusal(status, body = "") {
  if (status === 403 || status === 400 || status === 401) return /expired/i.test(body) ? "expired" : "refused";
  if (status === 404 || status === 405 || status === 410) return "revoked";
  return "busy";
}

async function connect(url, from) {
  let answer;
  try {
    answer = await request(url, from);
  } catch {
    throw new Fault("offline");
  }
  const good = from > 0 ? answer.status === 206 : answer.status === 200;
  if (good) return answer;
  const body = answer.status >= 400 ? (await answer.text().catch(() => "")).slice(0, 4096) : "";
  throw new Fault(refusal(answer.status, body), `status ${answer.status}`);
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// download streams an URL. Faults that waiting cannot mend end it at once.
export async function download(url, { wait = pause } = {}) {
  const first = await connect(url, 0);
  const size = Number(first.headers.get("Content-Length")) || 0;
  let reader = first.body.getReader();
  let seen = 0;
  let broken = 0;

  async function reconnect() {
    for (;;) {
      if (++broken > retries) throw new Fault("offline", "download broke off");
      await wait(500 * 2 ** (broken - 1));
      try {
        reader = (await connect(url, seen)).body.getReader();
        return;
      } catch (err) {
        if (err.code !== "offline" && err.code !== "busy") throw err;
      }
    }
  }

  async function pull(out) {
    for (;;) {
      try {
        const { done, value } = await reader.read();
        if (done) return out.close();
        seen += value.length;
        broken = 0;
        return out.enqueue(value);
      } catch {
        await reconnect();
      }
    }
  }
  const stream = new ReadableStream({ pull, cancel: () => reader.cancel() }, { highWaterMark: 4 });
  return { stream, size };
}

// local streams a file the recipient picked.
export function local(file) {
  return { stream: file.stream(), size: file.size };
}
