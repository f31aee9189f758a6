// Copies what the browser needs from node_modules to static/vendor and writes its version, licence and hash into README.md.
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { buildSync } from "esbuild";

const packages = {
  "htmx.org": { folder: "htmx", files: { "dist/htmx.min.js": "htmx.min.js", "dist/ext/hx-sse.min.js": "hx-sse.min.js", LICENSE: "LICENSE" } },
  // Only what tools/chime.js names is bundled; the licences of what comes with it stand beside it.
  "amazon-chime-sdk-js": { folder: "chime", bundle: { "tools/chime.js": "chime-sdk.js" }, files: { LICENSE: "LICENSE", NOTICE: "NOTICE" } },
  "swagger-ui-dist": {
    folder: "swagger-ui",
    files: { "swagger-ui-bundle.js": "swagger-ui-bundle.js", "swagger-ui.css": "swagger-ui.css", LICENSE: "LICENSE", NOTICE: "NOTICE" },
  },
};

const rows = [];
for (const [name, { folder, files, bundle = {} }] of Object.entries(packages)) {
  const root = join("node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const note = (target, to) => {
    const hash = createHash("sha256").update(readFileSync(target)).digest("hex");
    rows.push(`| \`${folder}/${to}\` | ${name} ${version} | ${license} | \`${hash}\` |`);
  };
  for (const [from, to] of Object.entries(bundle)) {
    const target = join("static/vendor", folder, to);
    mkdirSync(dirname(target), { recursive: true });
    buildSync({
      entryPoints: [from], outfile: target, bundle: true, minify: true, format: "esm", platform: "browser", legalComments: "eof",
      mainFields: ["browser", "module", "main"], conditions: ["browser"], define: { global: "globalThis" }, logLevel: "error",
      logOverride: { "direct-eval": "silent" },
    });
    note(target, to);
  }
  for (const [from, to] of Object.entries(files)) {
    const target = join("static/vendor", folder, to);
    mkdirSync(dirname(target), { recursive: true });
    // The maps are not shipped, so the pointer to them goes.
    if (/\.(js|css)$/.test(to)) {
      writeFileSync(target, readFileSync(join(root, from), "utf8").replace(/\n?(\/\/|\/\*)# sourceMappingURL=\S+?( ?\*\/)?\s*$/, "\n"));
    } else copyFileSync(join(root, from), target);
    note(target, to);
  }
}
const text = `# Vendored browser code

Copied by \`make vendor\` from the npm packages pinned in \`package-lock.json\`; not edited by hand. The icons in
\`static/icons/sprite.svg\` come from lucide-static (ISC).

| file | package | licence | sha256 |
|---|---|---|---|
${rows.join("\n")}
`;
writeFileSync("static/vendor/README.md", text);
console.log(`${rows.length} files`);
