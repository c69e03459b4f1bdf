"""Frames to bytes and back (docs/protocol.md, sections 2 and 4 to 8)."""

from collections import namedtuple

from . import codes
from .bits import Reader, put_varint, text
from .codes import BATCH, CREDIT, DATA, END, GOODBYE, HEARTBEAT, HELLO, MESSAGE, MORE, REQUEST, RESET, RESPONSE, ConnectionFailed
from .settings import read_settings, write_settings

Frame = namedtuple("Frame", "type stream payload")
Opening = namedtuple("Opening", "flags priority block body")
Part = namedtuple("Part", "flags body")
Entry = namedtuple("Entry", "stream end body")
Heartbeat = namedtuple("Heartbeat", "answer bytes")
Reset = namedtuple("Reset", "code reason")
Goodbye = namedtuple("Goodbye", "last code reason")


def write_frame(kind, stream, payload=b""):
    return codes.MAGIC + bytes([codes.VERSION, kind]) + len(payload).to_bytes(4, "big") + stream.to_bytes(4, "big") + b"\0\0" + payload


def write_hello(settings):
    return write_frame(HELLO, 0, write_settings(settings))


def write_opening(kind, stream, flags, block, body=b"", priority=0):
    return write_frame(kind, stream, bytes([flags | priority << 4]) + put_varint(len(block)) + block + body)


def write_data(stream, flags, body=b""):
    return write_frame(DATA, stream, bytes([flags]) + body)


def write_batch(entries):
    return write_frame(BATCH, 0, b"".join(put_varint(e.stream) + put_varint(len(e.body) * 2 + e.end) + e.body for e in entries))


def write_reset(stream, code, reason=""):
    return write_frame(RESET, stream, put_varint(code) + short(reason))


def write_credit(stream, increment):
    return write_frame(CREDIT, stream, increment.to_bytes(4, "big"))


def write_heartbeat(answer, data):
    return write_frame(HEARTBEAT, 0, bytes([answer]) + data)


def write_goodbye(last, code, reason=""):
    return write_frame(GOODBYE, 0, last.to_bytes(4, "big") + put_varint(code) + short(reason))


def short(reason):
    """A reason of at most 1,024 bytes, not cut inside of a character."""
    return reason.encode()[:codes.REASON_LIMIT].decode("utf-8", "ignore").encode()


class FrameReader:
    """Cuts a byte stream into frames. A payload that is too large is known by its header."""

    def __init__(self, max_frame):
        self.max_frame = max_frame
        self.buffer = bytearray()

    def add(self, data):
        self.buffer += data

    def next(self):
        """The next whole frame, or None."""
        start = min(len(self.buffer), len(codes.MAGIC))
        if self.buffer[:start] != codes.MAGIC[:start]:
            raise ConnectionFailed("BAD_MAGIC", "not MCP")
        if len(self.buffer) > 4 and self.buffer[4] != codes.VERSION:
            raise ConnectionFailed("BAD_VERSION", f"version {self.buffer[4]}")
        if len(self.buffer) < codes.HEADER_SIZE:
            return None
        kind = self.buffer[5]
        size = int.from_bytes(self.buffer[6:10], "big")
        stream = int.from_bytes(self.buffer[10:14], "big")
        if size > (codes.HELLO_LIMIT if kind == HELLO else self.max_frame):
            raise ConnectionFailed("FRAME_TOO_LARGE", f"{size} bytes")
        if 9 <= kind <= 127:
            raise ConnectionFailed("UNKNOWN_TYPE", f"type {kind}")
        if kind in (HEARTBEAT, HELLO, BATCH, GOODBYE) and stream or kind in (REQUEST, RESPONSE, DATA, RESET) and not stream:
            raise ConnectionFailed("PROTOCOL_ERROR", f"{codes.FRAME_TYPES[kind]} with the sequence id {stream}")
        if len(self.buffer) < codes.HEADER_SIZE + size:
            return None
        payload = bytes(self.buffer[codes.HEADER_SIZE:codes.HEADER_SIZE + size])
        del self.buffer[:codes.HEADER_SIZE + size]
        return Frame(kind, stream, payload)


def read_payload(frame):
    """What the payload says; None for an extension."""
    reader = Reader(frame.payload)
    if frame.type in (REQUEST, RESPONSE):
        return _read_opening(reader)
    if frame.type == DATA:
        flags = _flags(reader.byte())
        return Part(flags & (END | MORE), reader.rest())
    if frame.type == BATCH:
        return _read_batch(reader)
    if frame.type == HELLO:
        return read_settings(frame.payload)
    if frame.type == HEARTBEAT:
        if reader.left != 9 or frame.payload[0] > 1:
            raise ConnectionFailed("PROTOCOL_ERROR", "no heartbeat")
        return Heartbeat(reader.byte() == 1, reader.rest())
    if frame.type == CREDIT:
        if reader.left != 4:
            raise ConnectionFailed("PROTOCOL_ERROR", "credit has 4 bytes")
        increment = reader.uint32()
        if increment == 0:
            raise ConnectionFailed("PROTOCOL_ERROR", "credit of nothing")
        if increment > codes.CREDIT_LIMIT:
            raise ConnectionFailed("CREDIT_EXCEEDED", "credit above 2^31-1")
        return increment
    if frame.type == RESET:
        return Reset(codes.error_name(reader.varint()), _reason(reader))
    if frame.type == GOODBYE:
        return Goodbye(reader.uint32(), codes.error_name(reader.varint()), _reason(reader))
    return None


def _flags(flags):
    if flags & END and flags & MORE:
        raise ConnectionFailed("PROTOCOL_ERROR", "END together with MORE")
    return flags


def _read_opening(reader):
    flags = _flags(reader.byte())
    block = reader.take(reader.varint())
    body = reader.rest()
    if not flags & MESSAGE and (body or flags & MORE):
        raise ConnectionFailed("PROTOCOL_ERROR", "a body or MORE without MESSAGE")
    return Opening(flags & (END | MORE | MESSAGE), codes.PRIORITIES[flags >> 4 & 3], block, body)


def _read_batch(reader):
    entries = []
    while reader.left:
        stream = reader.varint()
        size = reader.varint()
        if stream == 0:
            raise ConnectionFailed("PROTOCOL_ERROR", "an entry of stream 0")
        entries.append(Entry(stream, bool(size & 1), reader.take(size >> 1)))
    return entries


def _reason(reader):
    data = reader.rest()
    if len(data) > codes.REASON_LIMIT:
        raise ConnectionFailed("PROTOCOL_ERROR", f"a reason of {len(data)} bytes")
    return text(data, "a reason")
