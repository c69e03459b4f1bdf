import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startGateway } from "./gateway.js";

const chromium = process.env.CHROMIUM ?? "/usr/bin/chromium";
const root = fileURLToPath(new URL("..", import.meta.url));

let gateway;
before(async () => (gateway = existsSync(chromium) ? await startGateway() : { skip: `there is no ${chromium}` }));
after(() => gateway.stop?.());

const page = (address) => `<!doctype html>
<meta charset="utf-8">
<title>Chasqui</title>
<script type="importmap">
{ "imports": {
  "chasqui-client": "/dist/index.js",
  "@bufbuild/protobuf": "/node_modules/@bufbuild/protobuf/dist/esm/index.js",
  "@bufbuild/protobuf/codegenv2": "/node_modules/@bufbuild/protobuf/dist/esm/codegenv2/index.js"
} }
</script>
<h1>A story</h1>
<p id="story"></p>
<p id="state">running</p>
<script type="module">
  import { ChasquiClient } from "chasqui-client";
  const state = document.getElementById("state");
  try {
    const client = new ChasquiClient(${JSON.stringify(address)});
    let updates = 0;
    for await (const update of client.generate({ model: "mini", prompt: "Once upon a time", options: { numPredict: 60, seed: 1 } })) {
      updates++;
      document.getElementById("story").append(update.text);
      if (update.result) state.textContent = "done: " + update.result.completionTokens + " tokens in " + updates + " updates";
    }
    await client.close();
  } catch (error) {
    state.textContent = "failed: " + error.code + ": " + error.message;
  }
</script>`;

/** Serves the page, and the files of this package that it imports. */
function serve(address) {
  const server = createServer((request, response) => {
    const path = new URL(request.url, "http://x").pathname;
    if (path === "/") return response.setHeader("content-type", "text/html").end(page(address));
    const file = join(root, path);
    if (!file.startsWith(root) || !path.endsWith(".js") || !existsSync(file) || !statSync(file).isFile()) return response.writeHead(404).end();
    response.setHeader("content-type", "text/javascript").end(readFileSync(file));
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

test("browser: a page streams a generation over WebSocket and shows it", async (t) => {
  if (gateway.skip) return t.skip(gateway.skip);
  const { chromium: launcher } = await import("playwright-core");
  const server = await serve(gateway.ws);
  const browser = await launcher.launch({ executablePath: chromium, args: ["--no-sandbox"] });
  try {
    const tab = await browser.newPage();
    const problems = [];
    tab.on("pageerror", (error) => problems.push(String(error)));
    await tab.goto(`http://127.0.0.1:${server.address().port}/`);
    await tab.waitForFunction(() => document.getElementById("state").textContent !== "running", undefined, { timeout: 30_000 });
    const state = await tab.textContent("#state");
    const picture = join(mkdtempSync(join(tmpdir(), "chasqui-browser-")), "page.png");
    await tab.screenshot({ path: picture });
    t.diagnostic(`the page: ${picture}`);
    assert.match(state, /^done: \d+ tokens in \d+ updates$/);
    assert.deepEqual(problems, []);
    assert.ok((await tab.textContent("#story")).length > 40);
    assert.ok(Number(state.match(/in (\d+)/)[1]) > 1);
  } finally {
    await browser.close();
    server.close();
  }
});

test("browser: a page from elsewhere is not let in", async (t) => {
  if (gateway.skip) return t.skip(gateway.skip);
  const answer = await fetch(gateway.http + "/ws", { headers: { origin: "https://evil.example" } });
  assert.equal(answer.status, 403);
});
