"""docs/protocol/conversations.json: what a connector does with the frames that come in."""

import unittest

from mcp1 import codes, frames
from mcp1.connection import Connection
from mcp1.frames import FrameReader, read_payload
from mcp1.hpack import Decoder
from vectors import cuts, load

FILE = load("conversations.json")
HELLO = bytes.fromhex(FILE["hello"])
PROBE = b"\1\2\3\4\5\6\7\x08"


def sent(connection):
    """The frames that came out since the last time, with what they say."""
    reader = FrameReader(2**24)
    reader.add(bytes(connection.out))
    connection.out.clear()
    found = []
    while True:
        frame = reader.next()
        if frame is None:
            return found
        found.append((frame, read_payload(frame)))


class Conversations(unittest.TestCase):
    def test_a_connector_does_what_the_file_expects(self):
        count = 0
        for conversation in FILE["conversations"]:
            if conversation["held"] == "connector":
                count += 1
                steps = b"".join(bytes.fromhex(step["in"]) * step.get("times", 1) for step in conversation["steps"])
                with self.subTest(conversation["name"]):
                    for chunks in cuts(steps):
                        self.hold(conversation, chunks)
        self.assertGreater(count, 15)

    def hold(self, conversation, chunks):
        connection = Connection(conversation.get("settings"))
        self.assertEqual("HELLO", codes.FRAME_TYPES[sent(connection)[0][0].type])
        streams = {}
        if conversation.get("hello", True):
            connection.receive(HELLO)
            for opening in conversation.get("opens", []):
                stream = streams[opening["stream"]] = connection.open([("op", "test")], end=opening["end"])
                self.assertEqual(opening["stream"], stream.number)
        messages = {number: [] for number in streams}
        out = []
        for chunk in chunks:
            connection.receive(chunk)
            out += sent(connection)
            for number, stream in streams.items():
                while stream.messages:
                    messages[number].append(connection.take(stream).hex())
        out += sent(connection)
        expect = conversation["expect"]
        goodbyes = [payload.code for frame, payload in out if frame.type == codes.GOODBYE]
        if "goodbye" in expect:
            self.assertEqual([expect["goodbye"]], goodbyes)
            self.assertEqual(expect["goodbye"], connection.closed)
            self.assertEqual(codes.GOODBYE, out[-1][0].type)
        else:
            self.assertEqual([], goodbyes)
            self.assertEqual(expect.get("closed"), connection.closed)
        resets = {frame.stream: payload.code for frame, payload in out if frame.type == codes.RESET}
        for name, expected in expect.get("streams", {}).items():
            stream = streams.get(int(name))
            self.assertEqual(expected.get("reset"), resets.get(int(name)))
            if "messages" in expected:
                self.assertEqual(expected["messages"], messages[int(name)])
            if "end" in expected:
                self.assertEqual(expected["end"], stream.remote_ended)
            if "failed" in expected:
                self.assertEqual(expected["failed"], stream.failure.code)
        if connection.closed is None:
            connection.receive(frames.write_heartbeat(False, PROBE))
            self.assertEqual([(codes.HEARTBEAT, (True, PROBE))], [(frame.type, tuple(says)) for frame, says in sent(connection)])

    def test_what_is_sent_stays_within_the_credit(self):
        connection = Connection({"name": "x"})
        connection.receive(frames.write_hello({"stream_credit": 100, "max_frame": 16_384}))
        sent(connection)
        stream = connection.open([("op", "test")], bytes(range(256)))
        self.assertEqual(100, self.bytes_of(sent(connection)))
        connection.receive(frames.write_credit(1, 10))
        self.assertEqual(0, self.bytes_of(sent(connection)))
        connection.receive(frames.write_credit(1, 150))
        out = sent(connection)
        self.assertEqual(156, self.bytes_of(out))
        self.assertEqual([codes.END], [part.flags for _, part in out])
        self.assertTrue(stream.local_ended)

    @staticmethod
    def bytes_of(out):
        return sum(len(says.body) for frame, says in out if frame.type in (codes.DATA, codes.REQUEST))

    def test_credit_comes_back_when_a_message_is_taken(self):
        connection = Connection({"stream_credit": 64})
        connection.receive(HELLO)
        stream = connection.open([("op", "test")])
        sent(connection)
        connection.receive(frames.write_opening(codes.RESPONSE, 1, codes.MESSAGE, bytes.fromhex("91"), b"x" * 40))
        self.assertEqual([], sent(connection))
        self.assertEqual(b"x" * 40, connection.take(stream))
        self.assertEqual([(codes.CREDIT, 1, 40)], [(frame.type, frame.stream, says) for frame, says in sent(connection)])
        connection.receive(frames.write_data(1, codes.MORE, b"y" * 48))
        self.assertEqual([(codes.CREDIT, 1, 48)], [(frame.type, frame.stream, says) for frame, says in sent(connection)])
        connection.receive(frames.write_data(1, 0, b"z" * 65))
        self.assertEqual("CREDIT_EXCEEDED", connection.closed)

    def test_a_silent_peer_is_asked_and_then_given_up(self):
        now = [0.0]
        connection = Connection({"heartbeat_ms": 1_000}, clock=lambda: now[0])
        connection.receive(HELLO)
        sent(connection)
        answers = []
        for second in (0.9, 1.1, 2.1, 2.9, 3.1):
            now[0] = second
            connection.tick()
            answers += [(second, codes.FRAME_TYPES[frame.type]) for frame, _ in sent(connection)]
        self.assertEqual([(1.1, "HEARTBEAT"), (3.1, "GOODBYE")], answers)
        self.assertEqual("HEARTBEAT_TIMEOUT", connection.closed)

    def test_a_flood_of_control_frames_closes(self):
        connection = Connection(clock=lambda: 0.0)
        connection.receive(HELLO)
        connection.receive(frames.write_heartbeat(False, PROBE) * 5_000)
        self.assertIsNone(connection.closed)
        connection.receive(frames.write_heartbeat(False, PROBE))
        self.assertEqual("FLOOD", connection.closed)

    def test_urgent_streams_have_more_turns(self):
        connection = Connection()
        connection.receive(HELLO)
        connection.send_window = 0
        for priority in ("batch", "normal", "urgent"):
            connection.open([("op", "test"), ("x", priority)], b"m" * 16_384, priority=priority)
        sent(connection)
        for stream in connection.streams.values():
            stream.outgoing = type(stream.outgoing)([b"m" * 16, False] for _ in range(100))
        connection.receive(frames.write_credit(0, 16 * 42))
        turns = [frame.stream for frame, _ in sent(connection)]
        self.assertEqual([2, 8, 32], [turns.count(number) for number in (1, 3, 5)])

    def test_the_head_of_a_request_can_be_read_by_the_peer(self):
        connection = Connection()
        connection.receive(HELLO)
        sent(connection)
        decoder = Decoder()
        for _ in range(3):
            connection.open([("op", "chat"), ("x-team", "blue")], b"")
            ((_, opening),) = sent(connection)
            self.assertEqual([("op", "chat"), ("x-team", "blue")], decoder.decode(opening.block)[0])


if __name__ == "__main__":
    unittest.main()
