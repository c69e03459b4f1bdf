// Makes src/hpack/static-table.ts of docs/protocol/static-table.json.
import { readFileSync, writeFileSync } from "node:fs";

const source = JSON.parse(readFileSync(new URL("../../../docs/protocol/static-table.json", import.meta.url), "utf8"));
const rows = source.entries.map(([name, value]) => `  [${JSON.stringify(name)}, ${JSON.stringify(value)}],`);
writeFileSync(
  new URL("../src/hpack/static-table.ts", import.meta.url),
  "// Made of docs/protocol/static-table.json by scripts/static-table.js. The first entry has the index 1.\n" +
    `export const staticTable: readonly (readonly [name: string, value: string])[] = [\n${rows.join("\n")}\n];\n`,
);
