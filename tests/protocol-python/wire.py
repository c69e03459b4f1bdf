"""A connection to a gateway frame by frame, for what a client of this library would not send."""

import os
import socket

from mcp1 import codes, frames
from mcp1.hpack import Decoder, Encoder
from mcp1.settings import read_settings

ADDRESS = os.environ.get("CHASQUI_MCP", "")
KEY = os.environ.get("CHASQUI_KEY") or None
MODEL = os.environ.get("CHASQUI_MODEL", "mini")
PROBE = b"\x11probe\x22\x33"


def dial():
    host, _, port = ADDRESS.rpartition(":")
    connection = socket.create_connection((host.strip("[]"), int(port)), 10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


class Wire:
    """Says hello, unless hello is False, and sends what it is told to."""

    def __init__(self, hello=True, key=KEY, **settings):
        self.socket = dial()
        self.reader = frames.FrameReader(2**24)
        self.decoder = Decoder(settings.get("header_table", 4_096))
        self.encoder = None
        self.peer = None
        self.gone = False
        if hello:
            if key is not None:
                settings["authorization"] = f"Bearer {key}"
            self.send(frames.write_hello(settings))
            frame = self.next()
            if frame is not None and frame[0].type == codes.HELLO:
                self.peer = frame[1]
                self.encoder = Encoder(self.peer["header_table"])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *parts):
        try:
            self.socket.sendall(b"".join(parts))
        except OSError:
            # The gateway has closed: what it said before can still be read.
            pass

    def open(self, stream, fields, body=None, flags=codes.END, priority=0):
        flags |= codes.MESSAGE if body is not None else 0
        self.send(frames.write_opening(codes.REQUEST, stream, flags, self.encoder.encode(list(fields.items())), body or b"", priority))

    def next(self):
        """The next frame and what it says; None at the end of the connection."""
        while True:
            frame = self.reader.next()
            if frame is not None:
                payload = read_settings(frame.payload) if frame.type == codes.HELLO else frames.read_payload(frame)
                return frame, payload
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                self.gone = True
                return None
            self.reader.add(data)

    def until(self, found):
        """The frames up to the first one for which found is true, or to the end."""
        seen = []
        while True:
            frame = self.next()
            if frame is None:
                return seen
            seen.append(frame)
            if found(*frame):
                return seen

    def goodbye(self):
        """The code of the GOODBYE, which must come before the end; None where there is none."""
        last = [payload.code for frame, payload in self.until(lambda *_: False) if frame.type == codes.GOODBYE]
        return last[-1] if last else None

    def probe(self):
        """The frames until a heartbeat is answered; the last one is a GOODBYE or the answer before where the connection ended."""
        self.send(frames.write_heartbeat(False, PROBE))
        return self.until(lambda frame, says: frame.type == codes.HEARTBEAT and says == (True, PROBE))

    def alive(self):
        self.probe()
        return not self.gone

    def answer(self, stream):
        """(fields, messages, code): what comes for one stream until it ends; the code is None for END, else that of the RESET."""
        fields, messages, parts = None, [], b""
        while True:
            frame = self.next()
            if frame is None:
                return fields, messages, "the connection ended"
            frame, says = frame
            entries = []
            if frame.type == codes.BATCH:
                entries = [(codes.END if e.end else 0, e.body, bool(e.body) or not e.end) for e in says if e.stream == stream]
            elif frame.stream != stream:
                continue
            elif frame.type == codes.RESPONSE:
                fields = dict(reversed(self.decoder.decode(says.block)[0]))
                entries = [(says.flags, says.body, bool(says.flags & codes.MESSAGE))]
            elif frame.type == codes.DATA:
                entries = [(says.flags, says.body, bool(says.body) or not says.flags & codes.END)]
            elif frame.type == codes.RESET:
                return fields, messages, says.code
            for flags, body, begins in entries:
                if begins:
                    parts += body
                    if not flags & codes.MORE:
                        messages.append(parts)
                        parts = b""
                if flags & codes.END:
                    return fields, messages, None
