// Runs all tests of the recipient page: `npm test`, or `npm test -- words` for
// those whose name holds "words". With `--large` the large bundle has 1 GB.
// The last line is "N passed, N failed".
import { buildPage } from "../build.mjs";
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { runAll, test } from "./harness.mjs";
import "./unit.test.mjs";
import "./source.test.mjs";
import "./pictures.test.mjs";
import "./open.test.mjs";
import "./fault.test.mjs";
import "./network.test.mjs";
import "./left.test.mjs";
import "./viewer.test.mjs";
import "./access.test.mjs";
import "./firefox.test.mjs";
import "./large.test.mjs";
import { close, leave } from "./stage.mjs";

const limit = 250_000; // bytes, compressed

test("build: the committed page is what its sources make, and small", async () => {
  const committed = await readFile(new URL("../../page.html", import.meta.url), "utf8");
  if (committed !== await buildPage()) throw new Error("page.html differs: run `npm ci && npm run build`");
  const packed = gzipSync(committed, { level: 6 }).length;
  console.log(`        page.html: ${Buffer.byteLength(committed)} bytes, ${packed} with gzip, limit ${limit}`);
  if (packed >= limit) throw new Error(`page.html takes ${packed} bytes with gzip, limit ${limit}`);
});

const filter = process.argv.slice(2).find((arg) => !arg.startsWith("--"));
const { passed, failed, skipped } = await runAll(filter, leave);
await close();
if (skipped) console.log(`${skipped} skipped`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
