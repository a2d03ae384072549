// The store, on loopback: what it has, how it refuses (as S3 does: 403 for an
// expired link, 404 for a deleted object), and a note of every request.
import { createServer } from "node:http";

export async function startServer() {
  const objects = new Map();
  const requests = [];
  const server = createServer((request, response) => {
    requests.push({ path: request.url, headers: request.headers });
    const object = objects.get(new URL(request.url, "http://x").pathname);
    if (!object) return answer(response, 404, "<Error><Code>NoSuchKey</Code></Error>");
    if (object.status) return answer(response, object.status, object.body);
    return send(request, response, object);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { objects, requests, port: server.address().port, close: () => { server.closeAllConnections(); server.close(); } };
}

function answer(response, status, body = "") {
  response.writeHead(status, { "Content-Type": "application/xml" });
  response.end(body);
}

// send serves an object. breakAt cuts the connection once, after that many
// bytes; delay waits before the body.
function send(request, response, object) {
  const from = Number(/bytes=(\d+)-/.exec(request.headers.range || "")?.[1] || 0);
  const body = object.data.subarray(from);
  response.writeHead(from ? 206 : 200, {
    "Content-Type": object.type || "application/octet-stream", "Content-Length": body.length,
    ...(from ? { "Content-Range": `bytes ${from}-${object.data.length - 1}/${object.data.length}` } : {}),
  });
  if (object.breakAt && !object.broken) {
    object.broken = true;
    response.write(body.subarray(0, object.breakAt), () => setTimeout(() => response.socket.destroy(), 50));
    return;
  }
  setTimeout(() => response.end(body), object.delay || 0);
}
