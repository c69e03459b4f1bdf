"""docs/protocol/headers.json, and the examples of the Huffman code in RFC 7541."""

import unittest

from mcp1 import huffman
from mcp1.codes import ConnectionFailed
from mcp1.hpack import Decoder, Encoder, put_integer
from vectors import load

SEQUENCES = load("headers.json")["sequences"]


class Headers(unittest.TestCase):
    def test_each_sequence_is_decoded_to_its_fields(self):
        for sequence in SEQUENCES:
            decoder = Decoder()
            for block in sequence["blocks"]:
                with self.subTest(sequence["name"], block=block["hex"]):
                    if "error" in block:
                        with self.assertRaises(ConnectionFailed) as caught:
                            decoder.decode(bytes.fromhex(block["hex"]))
                        self.assertEqual(block["error"], caught.exception.code)
                    else:
                        fields, sensitive = decoder.decode(bytes.fromhex(block["hex"]))
                        self.assertEqual([tuple(field) for field in block["fields"]], fields)
                        self.assertEqual(block.get("sensitive", []), sensitive)

    def test_fields_come_back_from_own_blocks(self):
        for sequence in SEQUENCES:
            encoder, decoder = Encoder(4_096), Decoder()
            for block in sequence["blocks"]:
                fields = [tuple(field) for field in block.get("fields", [])]
                for _ in range(2):
                    decoded, sensitive = decoder.decode(encoder.encode(fields))
                    self.assertEqual(fields, decoded)
                    self.assertEqual(block.get("sensitive", []), sensitive)

    def test_both_tables_stay_the_same_while_entries_come_and_go(self):
        for receiver in (0, 100, 4_096, 65_536):
            encoder, decoder = Encoder(receiver), Decoder(receiver)
            for turn in range(600):
                fields = [("op", "chat"), (f"x-{turn % 70}", "ä" * (turn * 37 % 190)), ("authorization", "Bearer s"), ("x-same", "y")]
                self.assertEqual(fields, decoder.decode(encoder.encode(fields))[0])

    def test_a_block_that_is_cut_is_fewer_fields_or_an_error(self):
        for sequence in SEQUENCES:
            first = sequence["blocks"][0]
            data = bytes.fromhex(first["hex"])
            for size in range(len(data)):
                try:
                    fields, _ = Decoder().decode(data[:size])
                    self.assertLess(len(fields), len(first.get("fields", "too many")))
                except ConnectionFailed as failed:
                    self.assertEqual("COMPRESSION", failed.code)

    def test_huffman_codes_are_those_of_the_rfc(self):
        for text, code in (("www.example.com", "f1e3c2e5f23a6ba0ab90f4ff"), ("no-cache", "a8eb10649cbf"), ("custom-value", "25a849e95bb8e8b4bf"),
                           ("Mon, 21 Oct 2013 20:13:21 GMT", "d07abe941054d444a8200595040b8166e082a62d1bff")):
            self.assertEqual(code, huffman.encode(text.encode()).hex())
            self.assertEqual(text.encode(), huffman.decode(bytes.fromhex(code)))
        every = bytes(range(256))
        self.assertEqual(every, huffman.decode(huffman.encode(every)))

    def test_integers_are_those_of_the_rfc(self):
        self.assertEqual("0a", put_integer(0, 5, 10).hex())
        self.assertEqual("1f9a0a", put_integer(0, 5, 1337).hex())


if __name__ == "__main__":
    unittest.main()
