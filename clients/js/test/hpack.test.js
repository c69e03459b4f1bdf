import assert from "node:assert/strict";
import { test } from "node:test";
import { ErrorCode, HeaderDecoder, HeaderEncoder, huffmanDecode, huffmanEncode } from "../dist/wire.js";

const hex = (text) => Buffer.from(text, "hex");

test("the Huffman code is that of RFC 7541 (appendix C), and complete", () => {
  for (const [text, code] of [
    ["www.example.com", "f1e3c2e5f23a6ba0ab90f4ff"],
    ["no-cache", "a8eb10649cbf"],
    ["custom-value", "25a849e95bb8e8b4bf"],
    ["Mon, 21 Oct 2013 20:13:21 GMT", "d07abe941054d444a8200595040b8166e082a62d1bff"],
    ["foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1", "94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007"],
  ]) {
    assert.equal(Buffer.from(huffmanEncode(Buffer.from(text))).toString("hex"), code);
    assert.equal(Buffer.from(huffmanDecode(hex(code))).toString(), text);
  }
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  assert.deepEqual(Buffer.from(huffmanDecode(huffmanEncode(all))), Buffer.from(all));
});

test("wrong padding and the end code are COMPRESSION", () => {
  for (const bad of ["f8ff", "1c", "ffffffff", "fffffffc"]) {
    assert.throws(() => huffmanDecode(hex(bad)), { wireCode: ErrorCode.Compression }, bad);
  }
});

test("what one side encodes the other decodes, whatever the table sizes", () => {
  const seed = Number(process.env.CHASQUI_SEED ?? Date.now() % 1_000_000);
  let state = seed;
  const random = (n) => ((state = (state * 1_103_515_245 + 12_345) % 2 ** 31), state % n);
  for (const table of [0, 32, 100, 4_096, 65_536]) {
    const encoder = new HeaderEncoder(table);
    const decoder = new HeaderDecoder(table, 1 << 20);
    for (let i = 0; i < 300; i++) {
      const fields = Array.from({ length: random(8) }, () => {
        const name = ["op", "status", "authorization", "request-id", "x-" + random(20)][random(5)];
        const value = [String(random(30)), "ünï☃", "", "x".repeat(random(200)), "generate"][random(5)];
        return { name, value, ...(name === "authorization" ? { sensitive: true } : {}) };
      });
      assert.deepEqual(decoder.decode(encoder.encode(fields)).fields, fields, `seed ${seed}, table ${table}, block ${i}`);
    }
    assert.ok(decoder.tableSize <= Math.min(table, 4_096));
  }
});

test("a field that comes again takes one byte; a secret is never kept", () => {
  const encoder = new HeaderEncoder(4_096);
  const fields = [{ name: "x-color", value: "blue" }];
  encoder.encode(fields);
  assert.equal(encoder.encode(fields).length, 1);
  const secret = encoder.encode([{ name: "authorization", value: "Bearer x" }]);
  assert.equal(secret[0] & 0xf0, 0x10);
  assert.deepEqual(encoder.encode([{ name: "authorization", value: "Bearer x" }]), secret);
});

test("blocks that cannot be decoded are COMPRESSION", () => {
  for (const [what, bad] of [
    ["index 0", "80"],
    ["beyond the table", "ff7f"],
    ["cut integer", "ff80"],
    ["endless integer", "ffffffffffffffffff7f"],
    ["cut name", "4003"],
    ["cut value", "4001610561"],
    ["table above what was granted", "3fe2ff03"],
    ["size update after a field", "8120"],
    ["upper-case name", "0001410161"],
    ["empty name", "00000161"],
    ["line break in a value", "0001610161".slice(0, 8) + "0a"],
    ["not UTF-8", "00016101ff"],
  ]) {
    assert.throws(() => new HeaderDecoder(4_096, 16_384).decode(hex(bad)), { wireCode: ErrorCode.Compression }, what);
  }
});

test("a list that is too large is told, and the table stays right", () => {
  const encoder = new HeaderEncoder(4_096);
  const decoder = new HeaderDecoder(4_096, 1_024);
  const large = [{ name: "a", value: "x".repeat(1_200) }, { name: "b", value: "y" }];
  assert.deepEqual(decoder.decode(encoder.encode(large)), { fields: [], tooLarge: true });
  assert.deepEqual(decoder.decode(encoder.encode([large[1]])), { fields: [large[1]], tooLarge: false });
});

test("random bytes never do worse than COMPRESSION", () => {
  let state = 7;
  const random = () => ((state = (state * 1_103_515_245 + 12_345) % 2 ** 31), (state >> 8) & 255);
  for (let i = 0; i < 20_000; i++) {
    try {
      new HeaderDecoder(4_096, 16_384).decode(Uint8Array.from({ length: random() % 40 }, random));
    } catch (error) {
      assert.equal(error.wireCode, ErrorCode.Compression);
    }
  }
});
