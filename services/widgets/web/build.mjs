/** Builds the page into `dist/`: every module that may be loaded by name, what they share in chunks, and the static files. */
import { build, transform } from "esbuild";
import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";

const here = new URL(".", import.meta.url).pathname;
const out = `${here}dist`;

/** By the names that pages load them under. */
const MODULES = {
  main: "src/start.ts",
  "mesh-client": "src/wire/mesh-client.ts",
  elements: "src/elements.ts",
  worker: "src/share/worker.ts",
  figures: "src/figures.ts",
  page: "css/page.css",
  tokens: "css/tokens.css",
  example: "css/example.css",
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
const usual = {
  absWorkingDir: here,
  outdir: out,
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  plugins: [thinTemplates],
  logLevel: "warning",
};
const { metafile: { outputs } } = await build({
  ...usual,
  entryPoints: MODULES,
  metafile: true,
  splitting: true,
  legalComments: "eof", // licences of what is bundled stay beside it
  chunkNames: "[name]-[hash]",
});
for (const name of ["example.html", "favicon.svg"]) await copyFile(`${here}${name}`, `${out}/${name}`);

/** *name* of an output, and all that it imports by itself. */
function withImports(name, found = new Set()) {
  if (found.has(name)) return found;
  found.add(name);
  for (const { path, kind } of outputs[name].imports) if (kind === "import-statement") withImports(path, found);
  return found;
}

const outputOf = (entry) => Object.keys(outputs).find((name) => outputs[name].entryPoint === entry);
const needed = [...withImports(outputOf("src/main.ts"))];
// Named in the page, they come side by side: else the browser knows of each only when it has read who imports it.
const links = needed.map((name) => `<link rel="modulepreload" href="${name.replace(/^dist\//, "")}">\n`).join("");
const page = (await readFile(`${here}index.html`, "utf8")).replace(/\n +/g, "\n");
await writeFile(`${out}/index.html`, page.replace("</head>", `${links}</head>`));

/** What the page needs while the service is away; its name changes with any of it. */
const files = (await readdir(out)).filter((name) => !/^(example|elements|figures|mesh-client|index)\./.test(name)).sort();
const hash = createHash("sha256");
for (const name of files) hash.update(await readFile(`${out}/${name}`));
await build({
  ...usual,
  entryPoints: { sw: "src/sw.ts" },
  define: { FILES: JSON.stringify(files), VERSION: JSON.stringify(hash.digest("hex").slice(0, 12)) },
});
