// Builds ../page.html from src/: worker, script and style inlined, licences
// listed, hashes for the content security policy filled in. The output
// depends on nothing but the sources and package-lock.json.
// `node build.mjs --check` fails when the committed page differs.
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const page = join(here, "..", "page.html");
const src = (name) => join(here, "src", name);

const common = {
  bundle: true, minify: true, write: false, format: "iife", charset: "utf8", legalComments: "none", absWorkingDir: here,
  target: ["chrome100", "firefox113", "safari16.4"], logLevel: "warning",
};

async function bundle(entry, plugins = []) {
  const { outputFiles } = await build({ ...common, entryPoints: [src(entry)], plugins });
  return outputFiles[0].text.trim();
}

// inline serves "worker:NAME" imports: the bundled worker as text.
const inline = (text) => ({
  name: "worker",
  setup(b) {
    b.onResolve({ filter: /^worker:/ }, (args) => ({ path: args.path, namespace: "worker" }));
    b.onLoad({ filter: /.*/, namespace: "worker" }, () => ({ contents: text, loader: "text" }));
  },
});

const bundled = ["age-encryption", "@noble/ciphers", "@noble/curves", "@noble/hashes", "@noble/post-quantum", "@scure/base"];

// licences is the notice that the licences of bundled code ask for.
async function licences() {
  const parts = await Promise.all(bundled.map(async (name) => {
    const dir = join(here, "node_modules", name);
    const { version } = JSON.parse(await readFile(join(dir, "package.json"), "utf8"));
    return { name: `${name} ${version}`, text: (await readFile(join(dir, "LICENSE"), "utf8")).trim() };
  }));
  const body = (text) => text.slice(text.indexOf("Permission is hereby"));
  const mit = parts.filter((p) => p.text.includes("Permission is hereby"));
  const other = parts.filter((p) => !mit.includes(p));
  const copyright = (p) => `${p.name}: ${p.text.match(/^Copyright.*$/gm).join("; ")}`;
  const text = [
    "This page contains the following free software.", "",
    ...other.map((p) => `${p.name}\n${p.text}\n`),
    ...mit.map(copyright), "", "The MIT License (MIT)", "", body(mit[0].text),
    "The EFF large word list by the Electronic Frontier Foundation (eff.org/dice), less four words, under the Creative Commons Attribution 3.0 United States licence.",
  ].join("\n");
  return text.replaceAll("--", "- -");
}

const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

export async function buildPage() {
  const worker = await bundle("age.worker.js");
  const js = await bundle("ui.js", [inline(worker)]);
  const { outputFiles } = await build({ ...common, entryPoints: [src("page.css")], format: undefined });
  const css = outputFiles[0].text.trim();
  if (/<\/script|<!--/i.test(js) || /<\/style/i.test(css)) throw new Error("code would end its own element");
  const csp = [
    "default-src 'none'", `script-src ${hash(js)}`, `style-src ${hash(css)}`, "worker-src blob:", "connect-src {{connect}}",
    "img-src data:", "frame-src blob:", "base-uri 'none'", "form-action 'none'", "trusted-types chartseal", "require-trusted-types-for 'script'",
  ].join("; ");
  const html = await readFile(src("page.html"), "utf8");
  const filled = { csp, css, js };
  return html.replace("</html>", `<!--\n${await licences()}\n-->\n</html>`).replace(/\{\{(csp|css|js)\}\}/g, (_, name) => filled[name]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const built = await buildPage();
  if (!process.argv.includes("--check")) {
    await writeFile(page, built);
  } else if (built !== await readFile(page, "utf8")) {
    console.error("page.html differs from its sources: run `npm ci && npm run build` in transport/page/web");
    process.exit(1);
  }
  console.log(`page.html: ${Buffer.byteLength(built)} bytes`);
}
