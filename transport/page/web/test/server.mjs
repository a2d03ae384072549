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
    return send(request, response, object);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { objects, requests, port: server.address().port, close: () => { server.closeAllConnections(); server.close(); } };
}

function answer(response, status, body = "", type = "application/xml") {
  response.writeHead(status, { "Content-Type": type });
  response.end(body);
}

// send serves an object. breakAt cuts the connection once, after that many
// bytes, or only falls silent; delay waits before the body; noRange sends
// everything whatever was asked for; gzip encodes it on the way; pace is how
// many bytes come in a tenth of a second.
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
    response.write(body.subarray(0, object.breakAt), () => object.silent || setTimeout(() => response.socket.destroy(), 50));
    return undefined;
  }
  if (object.pace) return trickle(response, body, object.pace);
  setTimeout(() => response.end(body), object.delay || 0);
  return undefined;
}

function trickle(response, body, pace) {
  response.write(body.subarray(0, pace));
  if (body.length <= pace || response.destroyed) response.end();
  else setTimeout(() => trickle(response, body.subarray(pace), pace), 100);
}
