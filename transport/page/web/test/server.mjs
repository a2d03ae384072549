// The store, on loopback: what it has, how it refuses (as S3 does: 403 for an
// expired link, 404 for a deleted object), and a note of every request.
import { createServer } from "node:http";
import { gzipSync } from "node:zlib";

export async function startServer() {
  const objects = new Map();
  const requests = [];
  const server = createServer((request, response) => {
    requests.push({ path: request.url, headers: request.headers });
    const object = objects.get(new URL(request.url, "http://x").pathname);
    if (!object) return answer(response, 404, "<Error><Code>NoSuchKey</Code></Error>");
    if (object.status) return answer(response, object.status, object.body, object.type);
    if (object.then && !object.broken) objects.set(new URL(request.url, "http://x").pathname, object.then);
    return send(request, response, object);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { objects, requests, port: server.address().port, close: () => { server.closeAllConnections(); server.close(); } };
}

function answer(response, status, body = "", type = "application/xml") {
  response.writeHead(status, { "Content-Type": type });
  response.end(body);
}

// never is what an answer waits for that is not to come.
export const never = new Promise(() => {});

// send serves an object. breakAt cuts the connection once, after that many
// bytes and no earlier than when, or only falls silent; then is what lies there
// from that moment on; hold keeps the last of the body back, or all of it where
// there is no pace; noRange sends everything whatever was asked for; gzip encodes
// it on the way; pace is how many bytes come in a tenth of a second.
function send(request, response, object) {
  const data = object.gzip ? gzipSync(object.data) : object.data;
  const asked = Number(/bytes=(\d+)-/.exec(request.headers.range || "")?.[1] || 0);
  const from = object.noRange ? 0 : asked;
  if (from > data.length) return answer(response, 416, "<Error><Code>InvalidRange</Code></Error>");
  const body = data.subarray(from);
  response.writeHead(from ? 206 : 200, {
    "Content-Type": object.type || "application/octet-stream", "Content-Length": body.length,
    ...(object.gzip ? { "Content-Encoding": "gzip" } : {}),
    ...(from ? { "Content-Range": `bytes ${from}-${data.length - 1}/${data.length}` } : {}),
  });
  if (object.breakAt && !object.broken) {
    object.broken = true;
    response.write(body.subarray(0, object.breakAt), () => object.silent || cut(response, object.when));
    return undefined;
  }
  trickle(response, body, object);
  return undefined;
}

async function cut(response, when = pause(50)) {
  await when;
  response.socket?.destroy();
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function trickle(response, body, { pace = body.length, hold }) {
  let rest = body;
  for (; rest.length > pace && !response.destroyed; rest = rest.subarray(pace)) {
    response.write(rest.subarray(0, pace));
    await pause(100);
  }
  await hold;
  response.end(rest);
}
