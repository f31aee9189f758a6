// Builds static/icons/sprite.svg from lucide-static with only the icons that templates and Python code name:
// icon("name"), icon_name="name", and any quoted icon name in a template or in an icon table.
import { readFileSync, readdirSync, writeFileSync, existsSync } from "node:fs";
import { join } from "node:path";

const source = "node_modules/lucide-static/icons";
const known = new Set(readdirSync(source).map((file) => file.slice(0, -4)));

function* files(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else if (/\.(html|py)$/.test(entry.name)) yield path;
  }
}

// In Python only a call or keyword counts; in templates every quoted word that is the name of an icon does.
function namesIn(path) {
  const pattern = path.endsWith(".py") ? /icon(?:_name)?\s*[(=]\s*["']([a-z0-9-]+)["']/g : /["']([a-z][a-z0-9-]*)["']/g;
  return [...readFileSync(path, "utf8").matchAll(pattern)].map((match) => match[1]);
}

function symbol(name) {
  const svg = readFileSync(join(source, `${name}.svg`), "utf8").replace(/<!--.*?-->/gs, "");
  const inner = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>")).replace(/\s*\n\s*/g, "");
  return `<symbol id="${name}" viewBox="0 0 24 24">${inner}</symbol>`;
}

const wanted = new Set(process.argv.slice(2));
for (const folder of ["templates", "portal"]) {
  if (!existsSync(folder)) continue;
  for (const path of files(folder)) for (const name of namesIn(path)) if (known.has(name)) wanted.add(name);
}
const missing = [...wanted].filter((name) => !known.has(name));
if (missing.length) throw new Error(`no such icon: ${missing.join(", ")}`);
const symbols = [...wanted].sort().map(symbol);
const head = "<!-- Lucide icons, ISC licence, https://lucide.dev; built by tools/sprite.mjs -->";
writeFileSync("static/icons/sprite.svg", `${head}\n<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("\n")}\n</svg>\n`);
console.log(`${symbols.length} icons`);
