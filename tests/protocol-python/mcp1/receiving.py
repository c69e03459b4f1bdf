"""What a connector does with the frames that come in: a part of Connection."""

from . import codes, frames
from .codes import BATCH, CREDIT, END, GOODBYE, HEARTBEAT, HELLO, MESSAGE, MORE, REQUEST, RESET, RESPONSE, ConnectionFailed, StreamFailed
from .hpack import Encoder
from .stream import cost


class Receiving:
    def receive(self, data):
        """Bytes of the peer, cut anywhere. What is left after the end of the connection is dropped."""
        if self.closed is not None:
            return
        self.reader.add(data)
        try:
            while self.closed is None:
                frame = self.reader.next()
                if frame is None:
                    return
                self.heard, self.asked = self.clock(), 0
                self._take(frame, frames.read_payload(frame))
        except ConnectionFailed as error:
            self.fail(error)

    def receive_end(self):
        """The byte stream has ended: the connection is over."""
        if self.closed is None:
            self.end_all("TRUNCATED", "the connection ended without a goodbye")

    def _take(self, frame, payload):
        if self.peer is None:
            if frame.type == HELLO:
                self.peer = payload
                self.encoder = Encoder(payload["header_table"])
                self.send_window = payload["connection_credit"]
            elif frame.type == GOODBYE:
                self.end_all(payload.code, payload.reason, payload.last)
            else:
                raise ConnectionFailed("PROTOCOL_ERROR", "the first frame is no HELLO")
        elif frame.type == HELLO:
            raise ConnectionFailed("PROTOCOL_ERROR", "a second HELLO")
        elif frame.type == REQUEST:
            self._refuse(frame.stream, payload)
        elif frame.type == RESPONSE:
            self._response(frame.stream, payload)
        elif frame.type == codes.DATA:
            self._data(frame.stream, payload.flags, payload.body)
        elif frame.type == BATCH:
            if not payload:
                self.flood.control()
            for entry in payload:
                self._data(entry.stream, END if entry.end else 0, entry.body)
        elif frame.type == CREDIT:
            self._credit(frame.stream, payload)
        elif frame.type == RESET:
            self._reset(frame.stream, payload)
        elif frame.type == GOODBYE:
            self._goodbye(payload)
        else:
            self.flood.control()
            if frame.type == HEARTBEAT and payload.answer:
                self.answered, self.last_answer = self.answered + 1, payload.bytes
            elif frame.type == HEARTBEAT:
                self.out += frames.write_heartbeat(True, payload.bytes)

    # Streams of the peer: each is refused.

    def _refuse(self, number, opening):
        if number % 2 or number <= self.last_of_peer:
            raise ConnectionFailed("PROTOCOL_ERROR", f"REQUEST with the id {number}")
        self.last_of_peer = number
        self.decoder.decode(opening.block)
        self._pass_over(opening.body, opening.flags, begins=bool(opening.flags & MESSAGE))
        self.flood.refused()
        self.out += frames.write_reset(number, codes.NUMBERS["REFUSED"], "this side takes no streams")

    def _find(self, number):
        """The stream, if it is open; None where its frames are passed over."""
        if number in self.streams:
            return self.streams[number]
        if number > (self.last_own if number % 2 else self.last_of_peer):
            raise ConnectionFailed("PROTOCOL_ERROR", f"the stream {number} was never opened")
        return None

    def _response(self, number, opening):
        if number % 2 == 0:
            raise ConnectionFailed("PROTOCOL_ERROR", "RESPONSE from the side that opened the stream")
        stream = self._open_for_data(number)
        fields, _ = self.decoder.decode(opening.block, self.settings["max_header_list"])
        if stream is None:
            self._pass_over(opening.body, opening.flags, begins=bool(opening.flags & MESSAGE))
            return
        if stream.fields is not None:
            raise ConnectionFailed("PROTOCOL_ERROR", "a second RESPONSE")
        if fields is None:
            self._pass_over(opening.body, opening.flags, begins=bool(opening.flags & MESSAGE))
            self.fail_stream(stream, StreamFailed("HEADERS_TOO_LARGE"), reset=True)
            return
        stream.fields = fields
        if opening.flags & MESSAGE:
            self._body(stream, opening.flags, opening.body)
        elif opening.flags & END:
            self._end(stream)

    def _open_for_data(self, number):
        stream = self._find(number)
        if number in self.remembered or stream is not None and stream.remote_ended:
            raise ConnectionFailed("STREAM_CLOSED", f"a frame after END of stream {number}")
        return stream

    def _data(self, number, flags, body):
        stream = self._open_for_data(number)
        begins = bool(body) or not flags & END
        if stream is None:
            self._pass_over(body, flags, begins)
            return
        if stream.fields is None:
            raise ConnectionFailed("PROTOCOL_ERROR", "DATA before RESPONSE")
        if begins:
            self._body(stream, flags, body)
        elif stream.parts is not None:
            raise ConnectionFailed("PROTOCOL_ERROR", "END inside of a message")
        else:
            self._end(stream)

    def _pass_over(self, body, flags, begins):
        if not begins:
            self.flood.control()
            return
        self._charge(cost(body))
        self.owe_connection(cost(body))

    def _charge(self, size):
        if size > self.receive_window:
            raise ConnectionFailed("CREDIT_EXCEEDED", "more bytes than the credit of the connection")
        self.receive_window -= size

    def _body(self, stream, flags, body):
        size = cost(body)
        self._charge(size)
        if size > stream.receive_window:
            raise ConnectionFailed("CREDIT_EXCEEDED", f"more bytes than the credit of stream {stream.number}")
        stream.receive_window -= size
        if flags & MORE or stream.parts is not None:
            stream.parts = stream.parts if stream.parts is not None else bytearray()
            stream.parts += body
            self.parts_size += len(body)
            if len(stream.parts) > codes.MESSAGE_LIMIT or self.parts_size > codes.PARTS_LIMIT:
                self.owe_connection(size)
                self.fail_stream(stream, StreamFailed("MESSAGE_TOO_LARGE"), reset=True)
                return
        if flags & MORE:
            self.return_credit(stream, size)
            return
        whole = body if stream.parts is None else bytes(stream.parts)
        self._forget_parts(stream)
        if stream.waits_for_credit:
            self.owe_connection(size)
            stream.messages.append((-size, whole))
        else:
            stream.messages.append((size, whole))
        if flags & END:
            self._end(stream)

    def _end(self, stream):
        stream.remote_ended = True
        self.settle(stream)

    # Credit.

    def return_credit(self, stream, size):
        """Saved up until it is half of the window. A size below 0 was returned to the connection before."""
        if size > 0:
            self.owe_connection(size)
        stream.owed += abs(size)
        if stream.owed * 2 >= self.settings["stream_credit"] and not stream.remote_ended and not stream.over:
            self.out += frames.write_credit(stream.number, stream.owed)
            stream.receive_window += stream.owed
            stream.owed = 0

    def owe_connection(self, size):
        self.owed += size
        if self.owed * 2 >= self.settings["connection_credit"] and self.closed is None:
            self.out += frames.write_credit(0, self.owed)
            self.receive_window += self.owed
            self.owed = 0

    def _credit(self, number, increment):
        self.flood.credit()
        if number == 0:
            self.send_window += increment
            if self.send_window > codes.CREDIT_LIMIT:
                raise ConnectionFailed("CREDIT_EXCEEDED", "credit of the connection above 2^31-1")
        else:
            stream = self._find(number)
            if stream is not None:
                stream.send_window += increment
                if stream.send_window > codes.CREDIT_LIMIT:
                    raise ConnectionFailed("CREDIT_EXCEEDED", f"credit of stream {number} above 2^31-1")
        self.pump()

    # Ends.

    def _reset(self, number, reset):
        stream = self._find(number)
        self.flood.control()
        if stream is None:
            return
        if reset.code == "NO_ERROR" and stream.remote_ended:
            stream.unwanted = True
            stream.outgoing.clear()
            self.settle(stream)
        else:
            self.fail_stream(stream, StreamFailed(reset.code, reset.reason, processed=reset.code != "REFUSED"))

    def _goodbye(self, goodbye):
        if goodbye.code != "NO_ERROR":
            self.end_all(goodbye.code, goodbye.reason, goodbye.last)
            return
        if self.goodbye_seen:
            self.flood.control()
        self.goodbye_seen = self.refuses = True
        for stream in [s for s in self.streams.values() if s.number > goodbye.last]:
            self.fail_stream(stream, StreamFailed("REFUSED", "not processed", processed=False))
        self.goodbye()
