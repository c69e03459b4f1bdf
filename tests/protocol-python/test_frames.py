"""docs/protocol/frames.json: each frame is read as the file says, cut anywhere, and written with the same bytes."""

import unittest

from mcp1 import codes, frames
from mcp1.codes import ConnectionFailed
from mcp1.settings import DEFAULTS
from vectors import cuts, load

FRAMES = load("frames.json")["frames"]
FLAGS = {"END": codes.END, "MORE": codes.MORE, "MESSAGE": codes.MESSAGE}


def read(chunks):
    """The frames in the chunks, read with the least max_frame of a default hello."""
    reader = frames.FrameReader(DEFAULTS["max_frame"])
    found = []
    for chunk in chunks:
        reader.add(chunk)
        frame = reader.next()
        while frame is not None:
            found.append((frame, frames.read_payload(frame)))
            frame = reader.next()
    return found


def told(frame, payload):
    """A frame in the words of the file."""
    says = {"type": codes.FRAME_TYPES[frame.type], "stream": frame.stream}
    if frame.type in (codes.REQUEST, codes.RESPONSE, codes.DATA):
        says.update(flags=[name for name, bit in FLAGS.items() if payload.flags & bit], body=payload.body.hex())
        if frame.type != codes.DATA:
            says["block"] = payload.block.hex()
        if frame.type == codes.REQUEST:
            says["priority"] = payload.priority
    elif frame.type == codes.HELLO:
        says["settings"] = {name: value for name, value in payload.items() if value != DEFAULTS[name]}
    elif frame.type == codes.BATCH:
        says["entries"] = [{"stream": e.stream, "end": e.end, "body": e.body.hex()} for e in payload]
    elif frame.type == codes.RESET:
        says.update(code=codes.NUMBERS[payload.code], reason=payload.reason)
    elif frame.type == codes.GOODBYE:
        says.update(last=payload.last, code=codes.NUMBERS[payload.code], reason=payload.reason)
    elif frame.type == codes.CREDIT:
        says["increment"] = payload
    else:
        says.update(answer=payload.answer, bytes=payload.bytes.hex())
    return says


def written(vector):
    kind, stream = codes.FRAME_TYPES.index(vector["type"]), vector["stream"]
    flags = sum(FLAGS[name] for name in vector.get("flags", []))
    body = bytes.fromhex(vector.get("body", ""))
    if kind in (codes.REQUEST, codes.RESPONSE):
        priority = codes.PRIORITIES.index(vector.get("priority", "normal"))
        return frames.write_opening(kind, stream, flags, bytes.fromhex(vector["block"]), body, priority)
    if kind == codes.DATA:
        return frames.write_data(stream, flags, body)
    if kind == codes.HELLO:
        return frames.write_hello(vector["settings"])
    if kind == codes.BATCH:
        return frames.write_batch([frames.Entry(e["stream"], e["end"], bytes.fromhex(e["body"])) for e in vector["entries"]])
    if kind == codes.RESET:
        return frames.write_reset(stream, vector["code"], vector["reason"])
    if kind == codes.GOODBYE:
        return frames.write_goodbye(vector["last"], vector["code"], vector["reason"])
    if kind == codes.CREDIT:
        return frames.write_credit(stream, vector["increment"])
    return frames.write_heartbeat(vector["answer"], bytes.fromhex(vector["bytes"]))


class Frames(unittest.TestCase):
    def test_each_is_read_as_the_file_says(self):
        for vector in FRAMES:
            with self.subTest(vector["name"]):
                data = bytes.fromhex(vector["hex"])
                for chunks in cuts(data):
                    if "error" in vector:
                        with self.assertRaises(ConnectionFailed) as caught:
                            read(chunks)
                        self.assertEqual(vector["error"], caught.exception.code)
                        continue
                    (found,) = read(chunks)
                    says = told(*found)
                    self.assertEqual({key: vector[key] for key in vector if key not in ("name", "hex")}, says)

    def test_a_beginning_of_a_frame_is_no_frame(self):
        for vector in FRAMES:
            if "error" not in vector:
                data = bytes.fromhex(vector["hex"])
                for size in range(len(data)):
                    self.assertEqual([], read([data[:size]]), (vector["name"], size))

    def test_a_payload_that_is_cut_is_an_error_or_another_frame(self):
        for vector in FRAMES:
            data = bytes.fromhex(vector["hex"])
            for size in range(codes.HEADER_SIZE, len(data)):
                cut = data[:6] + (size - codes.HEADER_SIZE).to_bytes(4, "big") + data[10:size]
                try:
                    self.assertEqual(1, len(read([cut])))
                except ConnectionFailed as failed:
                    self.assertIn(failed.code, codes.NUMBERS)

    def test_each_is_written_with_the_same_bytes(self):
        for vector in FRAMES:
            # What a reader passes over is not written.
            if "error" in vector or "unknown" in vector["name"]:
                continue
            with self.subTest(vector["name"]):
                self.assertEqual(vector["hex"], written(vector).hex())


if __name__ == "__main__":
    unittest.main()
