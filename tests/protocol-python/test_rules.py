"""What a gateway that runs does with frames that break a rule, or that seldom come (docs/protocol.md, sections 2 to 9)."""

import unittest

from mcp1 import codes, frames, protobuf
from mcp1.codes import BATCH, CREDIT, DATA, END, GOODBYE, HEARTBEAT, HELLO, MORE, REQUEST, RESET, RESPONSE
from mcp1.settings import write_settings
from vectors import load
from wire import ADDRESS, KEY, MODEL, PROBE, Wire, dial

OPENING = b"\x01\x01\x87"        # END, a block of one byte: op models.list
CREDENTIAL = {"authorization": f"Bearer {KEY}"} if KEY else {}

# Frames after the hello, and the code that the connection is closed with; None where it stays open.
AFTER_HELLO = [
    ("RESPONSE of the requester for a skipped id", frames.write_frame(REQUEST, 5, OPENING) + frames.write_frame(RESPONSE, 3, b"\x01\x01\x91"), "PROTOCOL_ERROR"),
    ("RESPONSE for an id of the gateway that it never opened", frames.write_frame(RESPONSE, 2, b"\x01\x01\x91"), "PROTOCOL_ERROR"),
    ("CREDIT that adds up to more than 2^31-1", frames.write_credit(0, 2**31 - 1), "CREDIT_EXCEEDED"),
    ("CREDIT of a stream that adds up to more than 2^31-1", frames.write_frame(REQUEST, 1, b"\0\x01\x87") + frames.write_credit(1, 2**31 - 1), "CREDIT_EXCEEDED"),
    ("an extension", frames.write_frame(200, 77, b"abc"), None),
    ("an extension above max_frame", codes.MAGIC + b"\x01\xc8\x01\0\0\0" + b"\0" * 6, "FRAME_TOO_LARGE"),
    ("a HEARTBEAT answer that was not asked for", frames.write_heartbeat(True, PROBE[::-1]), None),
    ("HEARTBEAT of a stream", frames.write_frame(HEARTBEAT, 3, b"\0" * 9), "PROTOCOL_ERROR"),
    ("REQUEST of stream 0", frames.write_frame(REQUEST, 0, OPENING), "PROTOCOL_ERROR"),
    ("RESET of stream 0", frames.write_reset(0, 16), "PROTOCOL_ERROR"),
    ("BATCH of a stream", frames.write_frame(BATCH, 1), "PROTOCOL_ERROR"),
    ("an entry of stream 0", frames.write_frame(BATCH, 0, b"\0\0"), "PROTOCOL_ERROR"),
    ("a varint that is longer than needed", frames.write_frame(REQUEST, 1, b"\0\x01\x87") + frames.write_frame(BATCH, 0, b"\x81\x80\x00\x01"), None),
    ("a varint of 6 bytes", frames.write_frame(RESET, 1, b"\x81\x80\x80\x80\x80\0"), "PROTOCOL_ERROR"),
    ("reserved bytes", frames.write_frame(REQUEST, 1, OPENING).replace(b"\x01\0\0\x01", b"\x01\xff\xff\x01"), None),
    ("unknown flags of DATA", frames.write_frame(REQUEST, 1, b"\0\x01\x87") + frames.write_data(1, 0xF4, b"x") + frames.write_data(1, 0x81), None),
    ("RESET with an unknown code", frames.write_frame(REQUEST, 1, b"\0\x01\x87") + frames.write_reset(1, 999), None),
    ("table sizes alone in a block", frames.write_frame(REQUEST, 1, b"\x01\x04\x20\x3f\xe1\x1f"), None),
    ("a type that is reserved", frames.write_frame(127, 0), "UNKNOWN_TYPE"),
    ("a name of no characters", frames.write_frame(REQUEST, 1, b"\x01\x04\0\0\x01v"), "COMPRESSION"),
    ("a name with a colon", frames.write_frame(REQUEST, 1, b"\x01\x06\0\x02:x\x01v"), "COMPRESSION"),
    ("a value with a tabulator", frames.write_frame(REQUEST, 1, b"\x01\x05\0\x01x\x01\t"), "COMPRESSION"),
    ("a value with the byte 0x7F", frames.write_frame(REQUEST, 1, b"\x01\x05\0\x01x\x01\x7f"), "COMPRESSION"),
    ("a value that is not UTF-8", frames.write_frame(REQUEST, 1, b"\x01\x06\0\x01x\x02\xc0\xaf"), "COMPRESSION"),
    ("a value with U+0085", frames.write_frame(REQUEST, 1, b"\x01\x06\0\x01x\x02\xc2\x85"), None),
]

# The first frame, and the code of the GOODBYE.
AS_HELLO = [
    ("HEARTBEAT", frames.write_heartbeat(False, PROBE), "PROTOCOL_ERROR"),
    ("an extension", frames.write_frame(200, 0), "PROTOCOL_ERROR"),
    ("HELLO of a stream", frames.write_frame(HELLO, 1), "PROTOCOL_ERROR"),
    ("heartbeat_ms of 99", frames.write_frame(HELLO, 0, b"\x07\x01\x63"), "PROTOCOL_ERROR"),
    ("a number of no bytes", frames.write_frame(HELLO, 0, b"\x04\0"), "PROTOCOL_ERROR"),
    ("an unknown setting twice", frames.write_frame(HELLO, 0, b"\x63\0\x63\0"), "PROTOCOL_ERROR"),
    ("a credential that is not UTF-8", frames.write_frame(HELLO, 0, b"\x09\x01\xff"), "PROTOCOL_ERROR"),
    ("TLS", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", "BAD_MAGIC"),
]


@unittest.skipUnless(ADDRESS, "CHASQUI_MCP does not say where a gateway is")
class Rules(unittest.TestCase):
    def test_conversations_of_an_acceptor(self):
        """Those that say nothing of the gateway's own settings, and nothing of what its application reads."""
        file = load("conversations.json")
        for conversation in file["conversations"]:
            expect = conversation["expect"]
            if conversation["held"] == "acceptor" and "settings" not in conversation and conversation.get("answers", True):
                with self.subTest(conversation["name"]), Wire(hello=False) as wire:
                    hello = frames.write_hello(CREDENTIAL)
                    if conversation.get("hello", True):
                        wire.send(hello)
                    for step in conversation["steps"]:
                        if "until_end" in step:
                            wire.answer(step["until_end"])
                        else:
                            data = bytes.fromhex(step["in"]) * step.get("times", 1)
                            own_hello = not conversation.get("hello", True) and data.startswith(bytes.fromhex(file["hello"]))
                            wire.send(hello + data[len(file["hello"]) // 2:] if own_hello else data)
                    if "goodbye" in expect:
                        self.assertEqual(expect["goodbye"], wire.goodbye())
                    elif "closed" in expect:
                        self.assertIsNone(wire.goodbye())
                    else:
                        self.assertTrue(wire.alive())

    def test_frames_after_the_hello(self):
        for name, data, code in AFTER_HELLO:
            with self.subTest(name), Wire() as wire:
                wire.send(data)
                if code is None:
                    self.assertTrue(wire.alive())
                else:
                    self.assertEqual(code, wire.goodbye())

    def test_first_frames(self):
        for name, data, code in AS_HELLO:
            with self.subTest(name), Wire(hello=False) as wire:
                wire.send(data)
                self.assertEqual(code, wire.goodbye())

    def test_an_http_request_gets_an_answer_of_http(self):
        with dial() as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b""
            while True:
                data = connection.recv(4096)
                if not data:
                    break
                answer += data
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 Bad Request\r\n"))

    def test_a_hello_in_single_bytes(self):
        hello = frames.write_frame(HELLO, 0, write_settings(dict(CREDENTIAL, name="one by one")))
        with Wire(hello=False) as wire:
            for at in range(len(hello)):
                wire.send(hello[at:at + 1])
            self.assertEqual(HELLO, wire.next()[0].type)
            self.assertTrue(wire.alive())

    def test_a_request_in_parts_of_one_byte(self):
        message = protobuf.encode("TokenizeRequest", {"model": MODEL, "text": "Once upon a time"})
        parts = [frames.write_data(1, MORE, message[at:at + 1]) for at in range(1, len(message) - 1)]
        with Wire() as wire:
            wire.open(1, {"op": "tokenize"}, message[:1], MORE)
            wire.send(frames.write_data(1, MORE), *parts, frames.write_batch([frames.Entry(1, True, message[-1:])]))
            fields, messages, code = wire.answer(1)
            self.assertEqual(("200", 1, None), (fields["status"], len(messages), code))

    def test_an_answer_to_a_request_that_did_not_end(self):
        with Wire() as wire:
            wire.open(1, {"op": "tokenize"}, protobuf.encode("TokenizeRequest", {"model": MODEL, "text": "Once"}), 0)
            self.assertEqual("200", wire.answer(1)[0]["status"])
            told = [says.code for frame, says in wire.probe() if frame.type == RESET and frame.stream == 1]
            self.assertEqual(["NO_ERROR"], told)

    def test_only_what_was_granted_is_sent(self):
        with Wire(stream_credit=0) as wire:
            wire.open(1, {"op": "models.list"}, b"")
            head = wire.until(lambda frame, _: frame.type == RESPONSE)[-1][1]
            self.assertEqual((0, b""), (head.flags, head.body))
            seen = wire.probe()
            for grant in (15, 17, 100, 2_000_000):
                self.assertEqual([], [frame for frame, _ in seen if frame.type in (DATA, BATCH)])
                wire.send(frames.write_credit(1, grant))
                if grant == 15:
                    seen = wire.probe()
                    continue
                body = wire.until(lambda frame, _: frame.type in (DATA, BATCH))[-1]
                self.assertLessEqual(len(body[1].body), 32)
                self.assertEqual(MORE, body[1].flags)
                break
            wire.send(frames.write_credit(1, 2_000_000))
            self.assertIsNone(wire.answer(1)[2])

    def test_a_header_list_of_just_the_size_is_taken(self):
        with Wire() as wire:
            most = wire.peer["max_header_list"]
            rest = most - (len("op" + "models.list") + 32) - (len("x-a") + 32)
            wire.open(1, {"op": "models.list", "x-a": "!" * rest})
            self.assertEqual("200", wire.answer(1)[0]["status"])
            wire.open(3, {"op": "models.list", "x-a": "!" * (rest + 1)})
            self.assertEqual("HEADERS_TOO_LARGE", wire.answer(3)[2])
            wire.open(5, {"op": "models.list"})
            self.assertEqual("200", wire.answer(5)[0]["status"])

    def test_streams_above_the_most_are_refused(self):
        with Wire() as wire:
            most = wire.peer["max_streams"]
            subscribe = protobuf.encode("SubscribeRequest", {"channel": "nothing"})
            for number in range(most + 3):
                wire.open(2 * number + 1, {"op": "channel.subscribe"}, subscribe)
            refused = [frame.stream for frame, says in wire.probe() if frame.type == RESET and says.code == "REFUSED"]
            self.assertEqual([2 * number + 1 for number in range(most, most + 3)], refused)

    def test_streams_that_are_opened_and_reset_without_end(self):
        with Wire() as wire:
            for number in range(1, 20_001, 2):
                wire.open(number, {"op": "models.list"}, b"", 0)
                wire.send(frames.write_reset(number, codes.NUMBERS["CANCELLED"]))
            self.assertEqual("FLOOD", wire.goodbye())

    def test_credit_comes_back_for_streams_that_are_gone(self):
        with Wire() as wire:
            part, credit = b"\0" * 60_000, wire.peer["connection_credit"]
            wire.open(1, {"op": "tokenize"}, None, 0)
            wire.send(frames.write_reset(1, codes.NUMBERS["CANCELLED"]))
            for _ in range(2 * credit // len(part)):
                while credit < len(part):
                    frame, says = wire.until(lambda frame, _: frame.type in (CREDIT, GOODBYE))[-1]
                    self.assertEqual((CREDIT, 0), (frame.type, frame.stream))
                    credit += says
                wire.send(frames.write_data(1, MORE, part))
                credit -= len(part)
            self.assertTrue(wire.alive())

    def test_goodbye_while_an_answer_runs(self):
        with Wire() as wire:
            wire.open(1, {"op": "models.list"}, b"", 0)
            wire.send(frames.write_goodbye(0, 0))
            seen = wire.until(lambda *_: False)
            goodbyes = [says for frame, says in seen if frame.type == GOODBYE]
            self.assertEqual([(1, "NO_ERROR")], [(says.last, says.code) for says in goodbyes])
            self.assertTrue(any(frame.type == RESPONSE for frame, _ in seen))

    def test_the_end_of_the_bytes_is_the_end_of_the_connection(self):
        with Wire() as wire:
            wire.open(1, {"op": "channel.subscribe"}, protobuf.encode("SubscribeRequest", {"channel": "nothing"}), END)
            wire.until(lambda frame, _: frame.type == RESPONSE)
            wire.socket.shutdown(1)
            self.assertIsNone(wire.goodbye())


if __name__ == "__main__":
    unittest.main()
