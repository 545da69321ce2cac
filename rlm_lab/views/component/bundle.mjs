// Bundles each web part into one file of dist, styles inside, and what stands beside it; with --tests the unit tests, for node --test.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
// The editor is a file of its own beside the view's, loaded when it is needed.
const editorApart = {
  name: "editor",
  setup: (build) => build.onResolve({ filter: /^\.\/codemirror$/ }, ({ kind }) => (kind === "dynamic-import" ? { path: "./editor.js", external: true } : undefined)),
};
const common = {
  absWorkingDir: here,
  bundle: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  loader: { ".css": "text" },
  logLevel: "warning",
};

if (process.argv.includes("--tests")) {
  rmSync(join(here, "dist-tests"), { recursive: true, force: true });
  const tests = readdirSync(join(here, "tests")).filter((name) => name.endsWith(".test.ts") || name.endsWith(".test.tsx"));
  await build({ ...common, entryPoints: tests.map((name) => `tests/${name}`), outdir: "dist-tests", platform: "node", packages: "external" });
} else {
  const sources = process.env.RLM_LAB_SOURCES ?? createHash("sha256").update(readFileSync(join(here, "package.json"))).digest("hex");
  await build({
    ...common,
    entryPoints: {
      view: "src/index.tsx",
      page: "src/page.ts",
      editor: "src/codemirror.ts",
      cell: "src/cell.ts",
      compare: "src/compare.ts",
      lesson: "src/lesson.tsx",
    },
    outdir: "dist",
    plugins: [editorApart],
    minify: true,
    legalComments: "none",
    banner: { js: `/* sources ${sources} */` },
  });
}
