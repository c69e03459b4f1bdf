// Removes what an older build has left, so that a deleted source leaves no product.
import { rmSync } from "node:fs";

rmSync(new URL("../dist/", import.meta.url), { recursive: true, force: true });
