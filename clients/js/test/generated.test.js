import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

test("the generated messages are those of chasqui.proto", (t) => {
  const buf = join(root, "node_modules/.bin/buf");
  if (!existsSync(buf)) return t.skip("buf is not installed");
  const out = mkdtempSync(join(tmpdir(), "chasqui-generated-"));
  try {
    execFileSync(buf, ["generate", "../../docs/protocol", "--template", "buf.gen.yaml", "--output", out], { cwd: root, stdio: "pipe" });
    const fresh = readFileSync(join(out, "src/gen/chasqui_pb.ts"), "utf8");
    assert.equal(readFileSync(join(root, "src/gen/chasqui_pb.ts"), "utf8"), fresh, "run: npm run generate");
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
});
