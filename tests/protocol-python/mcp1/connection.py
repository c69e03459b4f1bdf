"""A connector of MCP/1 without a transport: bytes go in and come out (docs/protocol.md, sections 3 to 9). Not thread-safe."""

import time
from collections import OrderedDict

from . import codes, frames
from .codes import END, MESSAGE, MORE, PRIORITIES, REQUEST, ConnectionFailed, StreamFailed
from .flood import FloodGuard
from .hpack import Decoder, Encoder
from .receiving import Receiving
from .settings import DEFAULTS
from .stream import Stream, cost

_TURNS = {"urgent": 16, "normal": 4, "batch": 1}


class Connection(Receiving):
    """Opens streams, and takes none. `closed` is the code that the connection ended with, once it has; `out` are bytes to be written."""

    def __init__(self, settings=None, clock=time.monotonic):
        self.settings = dict(DEFAULTS, **(settings or {}))
        self.peer = None
        self.closed = None
        self.reason = ""
        self.streams = OrderedDict()
        self.refuses = False                      # one side has said GOODBYE: no new streams
        self.goodbye_seen = False
        self.out = bytearray(frames.write_hello(self.settings))
        self.reader = frames.FrameReader(self.settings["max_frame"])
        self.clock = clock
        self.flood = FloodGuard(clock)
        self.decoder = Decoder(self.settings["header_table"])
        self.encoder = None
        self.receive_window = self.settings["connection_credit"]
        self.send_window = 0
        self.owed = 0
        self.parts_size = 0
        self.last_own = -1
        self.last_of_peer = 0
        self.remembered = OrderedDict()           # own streams that both sides have ended
        self.goodbye_sent = False
        self.heard = clock()
        self.asked = 0
        self.answered = 0                         # HEARTBEAT answers, and the bytes of the last one
        self.last_answer = None
        self.turns = {}

    # What an application does.

    def can_open(self):
        return self.peer is not None and self.closed is None and not self.refuses and len(self.streams) < self.peer["max_streams"]

    def open(self, fields, message=None, end=True, priority="normal"):
        """Opens a stream. A message that fits goes with the REQUEST, another one follows it in parts."""
        if not self.can_open():
            raise StreamFailed("REFUSED", "no stream can be opened now", processed=False)
        self.last_own += 2
        stream = Stream(self.last_own, priority, self.peer["stream_credit"], self.settings["stream_credit"])
        self.streams[stream.number] = stream
        block = self.encoder.encode(fields)
        room = self.peer["max_frame"] - 8 - len(block)
        fits = message is not None and len(message) <= room and cost(message) <= min(stream.send_window, self.send_window)
        flags = (MESSAGE if fits else 0) | (END if end and (fits or message is None) else 0)
        self.out += frames.write_opening(REQUEST, stream.number, flags, block, message if fits else b"", PRIORITIES.index(priority))
        if fits:
            self._spend(stream, cost(message))
        stream.end_wanted = end
        stream.local_ended = bool(flags & END)
        if message is not None and not fits:
            stream.outgoing.append([message, end])
            self.pump()
        return stream

    def send(self, stream, message=None, end=False):
        """One more message, or with None only the end."""
        if stream.end_wanted or stream.over or stream.unwanted:
            raise StreamFailed("CANCELLED", "nothing more can be sent")
        stream.end_wanted = end
        if message is not None:
            stream.outgoing.append([message, end])
        elif end and stream.outgoing:
            stream.outgoing[-1][1] = True
        elif end:
            self.out += frames.write_data(stream.number, END)
            self._end_own(stream)
        self.pump()

    def take(self, stream):
        """The next message, or None where there is none now. Returns its credit."""
        if not stream.messages:
            return None
        size, message = stream.messages.popleft()
        self.return_credit(stream, size)
        return message

    def cancel(self, stream, code="CANCELLED", reason=""):
        """Gives a stream up. What has come and was not taken is dropped, and its credit returned."""
        if not stream.over:
            self.fail_stream(stream, StreamFailed(code, reason), reset=True)
        self.owe_connection(sum(max(size, 0) for size, _ in stream.messages))
        stream.messages.clear()

    def goodbye(self):
        """Ends in order: what is open runs to its end."""
        if not self.goodbye_sent and self.closed is None:
            self.goodbye_sent = self.refuses = True
            self.out += frames.write_goodbye(0, 0)
            self.settle()

    def heartbeat(self, data):
        self.out += frames.write_heartbeat(False, data)

    def tick(self):
        """To be called now and then: asks a silent peer for a sign of life, and gives it up."""
        spans = int((self.clock() - self.heard) * 1000 / self.settings["heartbeat_ms"])
        if self.closed is None and self.peer is not None and spans > self.asked:
            if spans >= 3:
                self.fail(ConnectionFailed("HEARTBEAT_TIMEOUT", "no sign of life"))
            elif self.asked == 0:
                self.heartbeat(b"\0" * 8)
            self.asked = spans

    # What is sent when there is credit for it.

    def pump(self):
        """Sends what the windows allow; classes share the turns 16 : 4 : 1, and streams of a class take turns."""
        while True:
            ready = [s for s in self.streams.values() if s.outgoing and not s.over and self._part_size(s)]
            if not ready:
                return
            classes = {s.priority for s in ready}
            if not any(self.turns.get(name, 0) > 0 for name in classes):
                self.turns = dict(_TURNS)
            name = max(classes, key=lambda n: self.turns.get(n, 0))
            self.turns[name] = self.turns.get(name, 0) - 1
            stream = next(s for s in ready if s.priority == name)
            self.streams.move_to_end(stream.number)
            self._send_part(stream)

    def _part_size(self, stream):
        """The most bytes of the next part, at least 1; 0 where there is no credit for any."""
        room = min(stream.send_window, self.send_window)
        if room < codes.LEAST_COST:
            return 0
        return max(1, min(room, self.peer["max_frame"] - 1, len(stream.outgoing[0][0])))

    def _send_part(self, stream):
        message, end = stream.outgoing[0]
        size = self._part_size(stream)
        part, rest = message[:size], message[size:]
        if rest:
            stream.outgoing[0][0] = rest
            flags = MORE
        else:
            stream.outgoing.popleft()
            flags = END if end and part else 0
        self.out += frames.write_data(stream.number, flags, part)
        self._spend(stream, cost(part))
        if end and not rest:
            if not part:
                self.out += frames.write_data(stream.number, END)
            self._end_own(stream)

    def _spend(self, stream, size):
        stream.send_window -= size
        self.send_window -= size
        self.flood.sent_with_cost()

    def _end_own(self, stream):
        stream.local_ended = True
        self.settle(stream)

    # The end of a stream, and of the connection.

    def fail_stream(self, stream, failure, reset=False):
        if reset:
            self.out += frames.write_reset(stream.number, codes.NUMBERS[failure.code], failure.reason)
        stream.failure = failure
        self._forget_parts(stream)
        stream.outgoing.clear()
        self.settle(stream)

    def _forget_parts(self, stream):
        self.parts_size -= len(stream.parts or b"")
        stream.parts = None

    def settle(self, stream=None):
        """Drops a stream that is over, and closes after the last one where a GOODBYE was sent."""
        if stream is not None and stream.over and self.streams.pop(stream.number, None):
            if stream.failure is None and stream.local_ended:
                self.remembered[stream.number] = True
                if len(self.remembered) > codes.REMEMBERED_STREAMS:
                    self.remembered.popitem(last=False)
        if self.goodbye_sent and not self.streams and self.closed is None:
            self.closed = "NO_ERROR"

    def fail(self, error):
        """Closes with a code of this side's."""
        if self.closed is None:
            self.out += frames.write_goodbye(0, codes.NUMBERS[error.code], error.reason)
            self.end_all(error.code, error.reason)

    def end_all(self, code, reason, last=None):
        self.closed = code
        self.reason = reason
        for stream in list(self.streams.values()):
            stream.failure = StreamFailed(code, reason, processed=last is None or stream.number <= last)
        self.streams.clear()
