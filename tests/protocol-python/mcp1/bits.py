"""Integers and texts as the frames have them."""

from .codes import ConnectionFailed


def put_varint(value):
    """Unsigned LEB128 of a number up to 2^32-1."""
    if not 0 <= value < 2**32:
        raise ValueError(f"{value} is no varint")
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


class Reader:
    """Reads a payload from its beginning to its end; what is cut off is PROTOCOL_ERROR."""

    def __init__(self, data):
        self.data = bytes(data)
        self.at = 0

    @property
    def left(self):
        return len(self.data) - self.at

    def take(self, count):
        if count > self.left:
            raise ConnectionFailed("PROTOCOL_ERROR", f"{count} bytes are needed and {self.left} are there")
        self.at += count
        return self.data[self.at - count:self.at]

    def rest(self):
        return self.take(self.left)

    def byte(self):
        return self.take(1)[0]

    def uint32(self):
        return int.from_bytes(self.take(4), "big")

    def varint(self):
        value = 0
        for place in range(5):
            byte = self.byte()
            value |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                break
        else:
            raise ConnectionFailed("PROTOCOL_ERROR", "a varint of more than 5 bytes")
        if value >= 2**32:
            raise ConnectionFailed("PROTOCOL_ERROR", "a varint above 2^32-1")
        return value


def text(data, what):
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise ConnectionFailed("PROTOCOL_ERROR", f"{what} is not UTF-8") from None
