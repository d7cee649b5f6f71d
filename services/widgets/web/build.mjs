/** Builds the page into `dist/`: every module that may be loaded by name, what they share in chunks, and the static files. */
import { build } from "esbuild";
import { copyFile, mkdir, rm } from "node:fs/promises";

const here = new URL(".", import.meta.url).pathname;
const out = `${here}dist`;

/** By the names that pages load them under. */
const MODULES = {
  main: "src/main.ts",
  "mesh-client": "src/wire/mesh-client.ts",
  worker: "src/share/worker.ts",
  figures: "src/figures.ts",
  page: "css/page.css",
};

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
await build({
  absWorkingDir: here,
  entryPoints: MODULES,
  outdir: out,
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "eof", // licences of what is bundled stay beside it
  chunkNames: "[name]-[hash]",
  logLevel: "warning",
});
for (const name of ["index.html", "favicon.svg"]) await copyFile(`${here}${name}`, `${out}/${name}`);
