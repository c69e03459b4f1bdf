// Starts the gateway that ./test has built, for the tests that need one.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../../artifacts/bin/Chasqui.Cli/release/chasqui.dll", import.meta.url));

/** { http, ws, mcp, stop } or { skip: why }. `mcp` is undefined where the address is not told. */
export async function startGateway() {
  if (!existsSync(program)) return { skip: "the program is not built (./test builds it)" };
  const data = mkdtempSync(join(tmpdir(), "chasqui-js-"));
  const child = spawn("dotnet", [program, "serve", "--http", "127.0.0.1:0", "--mcp", "127.0.0.1:0", "--data", data, "--json"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let errors = "";
  child.stderr.on("data", (chunk) => (errors += chunk));
  const exited = new Promise((resolve) => {
    child.on("exit", resolve);
    child.on("error", (error) => resolve((errors += error.message)));
  });
  const patience = setTimeout(() => child.kill("SIGKILL"), 30_000);
  const line = await Promise.race([
    new Promise((resolve) => createInterface(child.stdout).once("line", resolve)),
    exited.then(() => undefined),
  ]);
  clearTimeout(patience);
  const stop = async () => {
    child.kill("SIGINT");
    const kill = setTimeout(() => child.kill("SIGKILL"), 5_000);
    await exited;
    clearTimeout(kill);
    rmSync(data, { recursive: true, force: true });
  };
  if (line === undefined) {
    await stop();
    if (/--mcp/.test(errors)) return { skip: "this program does not know --mcp" };
    if (/ENOENT/.test(errors)) return { skip: "there is no dotnet" };
    throw new Error(`the gateway did not start: ${errors}`);
  }
  const said = JSON.parse(line);
  const http = said.listening.find((address) => address.startsWith("http:"));
  const mcp = said.mcp?.[0]?.replace(/^(?!\w+:\/\/)/, "tcp://");
  return { http, ws: http.replace("http:", "ws:") + "/ws", mcp, models: said.models, stop };
}
