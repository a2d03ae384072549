// Runs all tests of the recipient page: `npm test`, or `npm test -- words` for
// those whose name holds "words". The last line is "N passed, N failed".
import { buildPage } from "../build.mjs";
import { readFile } from "node:fs/promises";
import { runAll, test } from "./harness.mjs";
import "./unit.test.mjs";
import "./pictures.test.mjs";
import { close } from "./page.test.mjs";

test("build: the committed page is what its sources make", async () => {
  const committed = await readFile(new URL("../../page.html", import.meta.url), "utf8");
  if (committed !== await buildPage()) throw new Error("page.html differs: run `npm ci && npm run build`");
});

const { passed, failed, skipped } = await runAll(process.argv[2]);
await close();
if (skipped) console.log(`${skipped} skipped`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
