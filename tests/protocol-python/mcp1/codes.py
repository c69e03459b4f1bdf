"""Names and numbers of MCP/1 (docs/protocol.md, sections 2 and 5), and the exceptions of this library."""

MAGIC = b"MCP\x01"
VERSION = 1
HEADER_SIZE = 16

FRAME_TYPES = ("REQUEST", "RESPONSE", "HEARTBEAT", "HELLO", "DATA", "BATCH", "RESET", "CREDIT", "GOODBYE")
REQUEST, RESPONSE, HEARTBEAT, HELLO, DATA, BATCH, RESET, CREDIT, GOODBYE = range(9)

END, MORE, MESSAGE = 1, 2, 4
PRIORITIES = ("normal", "urgent", "batch", "batch")

ERRORS = {
    0: "NO_ERROR", 1: "PROTOCOL_ERROR", 2: "BAD_MAGIC", 3: "BAD_VERSION", 4: "FRAME_TOO_LARGE", 5: "CREDIT_EXCEEDED", 6: "UNKNOWN_TYPE",
    7: "STREAM_CLOSED", 8: "COMPRESSION", 9: "FLOOD", 10: "HANDSHAKE_TIMEOUT", 11: "HEARTBEAT_TIMEOUT", 12: "UNAUTHENTICATED", 13: "TRUNCATED",
    16: "CANCELLED", 17: "REFUSED", 18: "HEADERS_TOO_LARGE", 19: "DEADLINE", 20: "INTERNAL", 21: "ENGINE_FAILED", 22: "UNAVAILABLE",
    23: "MESSAGE_TOO_LARGE",
}
NUMBERS = {name: number for number, name in ERRORS.items()}

HELLO_LIMIT = 16_384
CREDIT_LIMIT = 2**31 - 1
REASON_LIMIT = 1_024
LEAST_COST = 16
MESSAGE_LIMIT = 16 * 1024 * 1024
PARTS_LIMIT = 64 * 1024 * 1024
REMEMBERED_STREAMS = 64


def error_name(number):
    """The name of a code; one that is not known is treated as INTERNAL."""
    return ERRORS.get(number, "INTERNAL")


class ConnectionFailed(Exception):
    """A rule was broken: the connection closes with this code."""

    def __init__(self, code, reason=""):
        super().__init__(f"{code}: {reason}" if reason else code)
        self.code = code
        self.reason = reason


class StreamFailed(Exception):
    """A stream ended with this code instead of an END."""

    def __init__(self, code, reason="", processed=True):
        super().__init__(f"{code}: {reason}" if reason else code)
        self.code = code
        self.reason = reason
        self.processed = processed


class ErrorAnswer(Exception):
    """An answer whose status is 400 or more."""

    def __init__(self, status, error):
        super().__init__(f"{status} {error['code']}: {error['message']}")
        self.status = status
        self.error = error
        self.code = error["code"]
