"""A client of a gateway over TCP: one connection, any number of requests at once, each from the thread that wants it."""

import socket
import threading

from . import protobuf
from .codes import ConnectionFailed, ErrorAnswer
from .connection import Connection

_WRITE_STALL = 30.0
_WRITTEN_LIMIT = 1024 * 1024


class Client:
    """Connects and says hello. Raises ConnectionFailed with the gateway's code where it is turned away."""

    def __init__(self, address, key=None, timeout=30.0, **settings):
        host, _, port = address.rpartition(":")
        settings.setdefault("name", "protocol-python/1")
        if key is not None:
            settings["authorization"] = f"Bearer {key}"
        self._timeout = timeout
        self._changed = threading.Condition()
        self.connection = Connection(dict(settings, max_streams=0))
        self._socket = socket.create_connection((host.strip("[]"), int(port)), timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.settimeout(None)
        self._finished = False
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._read, self._write, self._watch)]
        for thread in self._threads:
            thread.start()
        try:
            self._wait(lambda: self.connection.peer is not None)
        except BaseException:
            self.abort()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Gives up what is still open, then says GOODBYE."""
        with self._changed:
            for stream in list(self.connection.streams.values()):
                self.connection.cancel(stream)
        self.close()

    def request(self, fields, message=b"", end=True, priority="normal"):
        """Opens a stream, as soon as the gateway takes one more. With message None nothing is sent but the head."""
        with self._changed:
            self._wait(lambda: self.connection.can_open() or self.connection.refuses)
            stream = self.connection.open(list(fields.items()) if isinstance(fields, dict) else fields, message, end, priority)
            self._changed.notify_all()
        return Answer(self, stream)

    def call(self, op, request="Empty", answer="Empty", values=None, **fields):
        """An operation whose answer is one message. Raises ErrorAnswer or StreamFailed."""
        with_fields = {"op": op, **{name.replace("_", "-"): str(value) for name, value in fields.items()}}
        reply = self.request(with_fields, protobuf.encode(request, values or {}))
        messages = list(reply.read(answer))
        return messages[0] if messages else protobuf.decode(answer, b"")

    def stream(self, op, request, answer, values, priority="normal", **fields):
        """An operation whose answer is a stream; (Answer, an iterator of its messages)."""
        with_fields = {"op": op, **{name.replace("_", "-"): str(value) for name, value in fields.items()}}
        reply = self.request(with_fields, protobuf.encode(request, values), priority=priority)
        return reply, reply.read(answer)

    def ping(self, data=b"ping-pon"):
        """Asks for a sign of life, and waits for a frame."""
        with self._changed:
            count = self.connection.answered
            self.connection.heartbeat(data)
            self._changed.notify_all()
            self._wait(lambda: self.connection.answered > count)
            return self.connection.last_answer

    def close(self):
        """GOODBYE, then waits for what is open, and for the end of the gateway's bytes for a second at most."""
        with self._changed:
            self.connection.goodbye()
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.connection.closed is not None, self._timeout)
            self._changed.wait_for(lambda: self._finished, 1.0)
        self.abort()

    def abort(self):
        """Closes at once."""
        with self._changed:
            self.connection.receive_end()
            self._changed.notify_all()
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        for thread in self._threads:
            thread.join(self._timeout)
        self._socket.close()

    def _wait(self, ready):
        with self._changed:
            if not self._changed.wait_for(lambda: ready() or self.connection.closed is not None, self._timeout):
                raise TimeoutError("the gateway did not answer in time")
            if not ready():
                raise ConnectionFailed(self.connection.closed, self.connection.reason)

    def _read(self):
        while True:
            try:
                data = self._socket.recv(65536)
            except OSError:
                data = b""
            with self._changed:
                if data:
                    self.connection.receive(data)
                    self._changed.notify_all()
                    self._changed.wait_for(lambda: len(self.connection.out) < _WRITTEN_LIMIT, _WRITE_STALL)
                    continue
                self._finished = True
                self.connection.receive_end()
                self._changed.notify_all()
                return

    def _write(self):
        connection = self.connection
        while True:
            with self._changed:
                self._changed.wait_for(lambda: connection.out or connection.closed is not None)
                data, connection.out = bytes(connection.out), bytearray()
                last = connection.closed is not None and not data
                self._changed.notify_all()
            if last:
                break
            try:
                self._socket.sendall(data)
            except OSError:
                break

    def _watch(self):
        with self._changed:
            while self.connection.closed is None:
                self._changed.wait(self.connection.settings["heartbeat_ms"] / 4000)
                self.connection.tick()
                self._changed.notify_all()


class Answer:
    """An answer that is coming."""

    def __init__(self, client, stream):
        self._client = client
        self.stream = stream

    def head(self):
        """The fields of the head."""
        self._wait(lambda: self.stream.fields is not None)
        if self.stream.fields is None:
            raise self.stream.failure
        return dict(reversed(self.stream.fields))

    @property
    def status(self):
        return int(self.head()["status"])

    def messages(self):
        """Each message as it comes; StreamFailed where the answer is broken off."""
        while True:
            with self._client._changed:
                self._wait(lambda: self.stream.messages or self.stream.remote_ended)
                message = self._client.connection.take(self.stream)
                self._client._changed.notify_all()
            if message is not None:
                yield message
            elif self.stream.failure is not None:
                raise self.stream.failure
            elif self.stream.remote_ended:
                return

    def read(self, kind):
        """Each message, decoded; ErrorAnswer where the status is 400 or more."""
        status = self.status
        if status >= 400:
            raise ErrorAnswer(status, protobuf.decode("Error", b"".join(self.messages())))
        for message in self.messages():
            yield protobuf.decode(kind, message)

    def send(self, message=None, end=False):
        with self._client._changed:
            self._client.connection.send(self.stream, message, end)
            self._client._changed.notify_all()

    def cancel(self):
        with self._client._changed:
            self._client.connection.cancel(self.stream)
            self._client._changed.notify_all()

    def _wait(self, ready):
        with self._client._changed:
            if not self._client._changed.wait_for(lambda: ready() or self.stream.failure is not None, self._client._timeout):
                raise TimeoutError("the answer did not come in time")

