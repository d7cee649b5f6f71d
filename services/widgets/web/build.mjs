/** Builds the page into `dist/`: every module that may be loaded by name, what they share in chunks, and the static files. */
import { build, transform } from "esbuild";
import { copyFile, mkdir, readFile, rm } from "node:fs/promises";

const here = new URL(".", import.meta.url).pathname;
const out = `${here}dist`;

/** By the names that pages load them under. */
const MODULES = {
  main: "src/start.ts",
  "mesh-client": "src/wire/mesh-client.ts",
  worker: "src/share/worker.ts",
  figures: "src/figures.ts",
  page: "css/page.css",
};

const minified = async (style) => (await transform(style, { loader: "css", minify: true, charset: "utf8" })).code.trim();

/** Templates as they travel: without their indentation, and styles as esbuild would write them. */
const thinTemplates = {
  name: "thin templates",
  setup({ onLoad }) {
    onLoad({ filter: /\/src\/.*\.ts$/ }, async ({ path }) => {
      const text = (await readFile(path, "utf8")).replace(/\n[ \t]+/g, "\n");
      const parts = text.split(/(?<=\bcss`)([^`$\\]*)(?=`)/);
      const thin = await Promise.all(parts.map((part, n) => (n % 2 ? minified(part) : part)));
      return { contents: thin.join(""), loader: "ts" };
    });
  },
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
  plugins: [thinTemplates],
  legalComments: "eof", // licences of what is bundled stay beside it
  chunkNames: "[name]-[hash]",
  logLevel: "warning",
});
for (const name of ["index.html", "favicon.svg"]) await copyFile(`${here}${name}`, `${out}/${name}`);
