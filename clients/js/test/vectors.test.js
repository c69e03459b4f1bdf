import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as wire from "../dist/wire.js";

const read = (name) => JSON.parse(readFileSync(new URL(`../../../docs/protocol/${name}.json`, import.meta.url), "utf8"));
const bytes = (hex) => new Uint8Array(Buffer.from(hex, "hex"));
const hex = (value) => Buffer.from(value).toString("hex");
const lower = (name) => name.toLowerCase();

test("the static table is the one of docs/protocol", () => {
  assert.deepEqual(wire.staticTable, read("static-table").entries);
});

const kinds = ["REQUEST", "RESPONSE", "HEARTBEAT", "HELLO", "DATA", "BATCH", "RESET", "CREDIT", "GOODBYE"];
const settingNames = {
  max_frame: "maxFrame", stream_credit: "streamCredit", connection_credit: "connectionCredit", max_streams: "maxStreams",
  max_header_list: "maxHeaderList", header_table: "headerTable", heartbeat_ms: "heartbeatMs", name: "name", authorization: "authorization",
};

/** What a frame says, in the words of the vectors. */
function describe({ type, stream, payload }) {
  const flagNames = (flags) => ["END", "MORE", "MESSAGE"].filter((_, bit) => flags & (1 << bit));
  const base = { type: kinds[type], stream };
  switch (base.type) {
    case "REQUEST":
    case "RESPONSE": {
      const { flags, block, body } = wire.readHead(payload);
      const priority = base.type === "REQUEST" ? { priority: ["normal", "urgent", "batch", "batch"][(flags >> 4) & 3] } : {};
      return { ...base, flags: flagNames(flags), ...priority, block: hex(block), body: hex(body) };
    }
    case "DATA": {
      const { flags, body } = wire.readData(payload);
      return { ...base, flags: flagNames(flags & 3), body: hex(body) };
    }
    case "HELLO": {
      const read = wire.decodeSettings(payload);
      const defaults = wire.defaultSettings();
      const said = Object.entries(settingNames).filter(([, key]) => read[key] !== defaults[key]);
      return { ...base, settings: Object.fromEntries(said.map(([name, key]) => [name, read[key]])) };
    }
    case "BATCH":
      return { ...base, entries: wire.readBatch(payload).map(({ stream, end, body }) => ({ stream, end, body: hex(body) })) };
    case "RESET":
      return { ...base, ...wire.readReset(payload) };
    case "GOODBYE":
      return { ...base, ...wire.readGoodbye(payload) };
    case "CREDIT":
      return { ...base, increment: wire.readCredit(payload) };
    case "HEARTBEAT": {
      const { answer, bytes } = wire.readHeartbeat(payload);
      return { ...base, answer, bytes: hex(bytes) };
    }
  }
}

for (const { name, hex: frame, error, ...expected } of read("frames").frames) {
  test(`frame: ${name}`, () => {
    const parse = () => [...new wire.FrameReader(65_536).push(bytes(frame))].map(describe);
    if (error === undefined) assert.deepEqual(parse(), [expected]);
    else assert.throws(parse, (thrown) => wire.errorName(thrown.wireCode) === lower(error));
  });
}

for (const { name, blocks } of read("headers").sequences) {
  test(`headers: ${name}`, () => {
    const decoder = new wire.HeaderDecoder(4_096, 16_384);
    for (const { hex: block, fields, sensitive = [], error } of blocks) {
      if (error !== undefined) {
        assert.throws(() => decoder.decode(bytes(block)), (thrown) => wire.errorName(thrown.wireCode) === lower(error));
        continue;
      }
      const decoded = decoder.decode(bytes(block)).fields;
      assert.deepEqual(decoded.map(({ name, value }) => [name, value]), fields);
      assert.deepEqual(decoded.filter((field) => field.sensitive).map((field) => field.name), sensitive);
    }
  });
}
