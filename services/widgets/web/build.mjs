/** Builds the page into `dist/`: every module that may be loaded by name, what they share in chunks, and the static files. */
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, readdir, rm } from "node:fs/promises";

const here = new URL(".", import.meta.url).pathname;
const out = `${here}dist`;

/** By the names that pages load them under. */
const MODULES = {
  main: "src/main.ts",
  "mesh-client": "src/wire/mesh-client.ts",
  elements: "src/elements.ts",
  worker: "src/share/worker.ts",
  figures: "src/figures.ts",
  page: "css/page.css",
  tokens: "css/tokens.css",
  example: "css/example.css",
};

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
const usual = { absWorkingDir: here, outdir: out, bundle: true, format: "esm", target: "es2022", minify: true, logLevel: "warning" };
await build({
  ...usual,
  entryPoints: MODULES,
  splitting: true,
  legalComments: "eof", // licences of what is bundled stay beside it
  chunkNames: "[name]-[hash]",
});
for (const name of ["index.html", "example.html", "favicon.svg"]) await copyFile(`${here}${name}`, `${out}/${name}`);

/** What the page needs while the service is away; its name changes with any of it. */
const files = (await readdir(out)).filter((name) => !/^(example|elements|figures|mesh-client|index)\./.test(name)).sort();
const hash = createHash("sha256");
for (const name of files) hash.update(await readFile(`${out}/${name}`));
await build({
  ...usual,
  entryPoints: { sw: "src/sw.ts" },
  define: { FILES: JSON.stringify(files), VERSION: JSON.stringify(hash.digest("hex").slice(0, 12)) },
});
