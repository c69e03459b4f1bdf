"""Header blocks (docs/protocol.md, section 7): RFC 7541 with a static table of its own."""

import json
import pathlib

from . import huffman
from .codes import ConnectionFailed

DOCS = pathlib.Path(__file__).resolve().parents[3] / "docs" / "protocol"
STATIC = [tuple(entry) for entry in json.loads((DOCS / "static-table.json").read_text("utf-8"))["entries"]]
_STATIC_FIELDS = {field: index + 1 for index, field in reversed(list(enumerate(STATIC)))}
_STATIC_NAMES = {name: index + 1 for index, (name, _) in reversed(list(enumerate(STATIC)))}

_NAME = set(b"abcdefghijklmnopqrstuvwxyz0123456789-._")
SECRET = {"authorization"}
OWN_TABLE = 4_096


def bad(reason):
    return ConnectionFailed("COMPRESSION", reason)


def field_size(name, value):
    return len(name) + len(value.encode()) + 32


class Table:
    """A dynamic table: the youngest entry first."""

    def __init__(self, limit):
        self.limit = limit
        self.entries = []
        self.size = 0

    def resize(self, limit):
        self.limit = limit
        self._shrink(limit)

    def add(self, name, value):
        size = field_size(name, value)
        self._shrink(self.limit - size)
        if size <= self.limit:
            self.entries.insert(0, (name, value))
            self.size += size

    def _shrink(self, limit):
        while self.entries and self.size > limit:
            self.size -= field_size(*self.entries.pop())

    def field(self, index):
        if not 1 <= index <= len(STATIC) + len(self.entries):
            raise bad(f"index {index} is of no table")
        return STATIC[index - 1] if index <= len(STATIC) else self.entries[index - len(STATIC) - 1]


class Decoder:
    """The blocks of one direction, in the order of their arrival."""

    def __init__(self, header_table=4_096):
        self.offered = header_table
        self.table = Table(header_table)

    def decode(self, block, max_list=None):
        """(fields, names that came never-indexed); the fields are None where the list is larger than max_list."""
        cursor = _Cursor(block)
        fields, sensitive, size = [], [], 0
        while cursor.left:
            first = cursor.peek()
            if first & 0xE0 == 0x20:
                limit = cursor.integer(5)
                if fields or size:
                    raise bad("a table size after a field")
                if limit > self.offered:
                    raise bad(f"a table of {limit} bytes where {self.offered} are offered")
                self.table.resize(limit)
                continue
            if first & 0x80:
                name, value = self.table.field(cursor.integer(7))
            else:
                index = cursor.integer(6 if first & 0x40 else 4)
                name = self.table.field(index)[0] if index else cursor.name()
                value = cursor.value()
                if first & 0x40:
                    self.table.add(name, value)
                elif first & 0x10:
                    sensitive.append(name)
            size += field_size(name, value)
            if max_list is None or size <= max_list:
                fields.append((name, value))
        if max_list is not None and size > max_list:
            return None, sensitive
        return fields, sensitive


class Encoder:
    """Keeps at most 4,096 bytes of entries, whatever the receiver offers: that has not to be said."""

    def __init__(self, header_table):
        self.table = Table(min(header_table, OWN_TABLE))

    def encode(self, fields):
        return b"".join(self._field(name, value) for name, value in fields)

    def _field(self, name, value):
        field = (name, value)
        if name in SECRET:
            return self._literal(0x10, 4, name, value)
        if field in _STATIC_FIELDS:
            return put_integer(0x80, 7, _STATIC_FIELDS[field])
        if field in self.table.entries:
            return put_integer(0x80, 7, len(STATIC) + 1 + self.table.entries.index(field))
        if field_size(name, value) > self.table.limit // 2:
            return self._literal(0, 4, name, value)
        data = self._literal(0x40, 6, name, value)
        self.table.add(name, value)
        return data

    def _literal(self, form, bits, name, value):
        index = _STATIC_NAMES.get(name, 0)
        if not index:
            index = next((len(STATIC) + 1 + at for at, entry in enumerate(self.table.entries) if entry[0] == name), 0)
        return put_integer(form, bits, index) + (b"" if index else put_string(name)) + put_string(value)


class _Cursor:
    def __init__(self, block):
        self.block = block
        self.at = 0

    @property
    def left(self):
        return len(self.block) - self.at

    def peek(self):
        if not self.left:
            raise bad("the block is cut off")
        return self.block[self.at]

    def integer(self, bits):
        most = (1 << bits) - 1
        value = self.peek() & most
        self.at += 1
        if value < most:
            return value
        for place in range(5):
            byte = self.peek()
            self.at += 1
            value += (byte & 0x7F) << 7 * place
            if byte < 0x80:
                return value
        raise bad("an integer without end")

    def string(self):
        coded = self.peek() & 0x80
        size = self.integer(7)
        if size > self.left:
            raise bad("a string cut off")
        data = self.block[self.at:self.at + size]
        self.at += size
        if not coded:
            return data
        try:
            return huffman.decode(data)
        except ValueError as error:
            raise bad(str(error)) from None

    def name(self):
        data = self.string()
        if not data or not _NAME.issuperset(data):
            raise bad(f"{data!r} is no name")
        return data.decode("ascii")

    def value(self):
        data = self.string()
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            raise bad("a value is not UTF-8") from None
        if any(byte < 0x20 or byte == 0x7F for byte in data):
            raise bad("a control character in a value")
        return text


def put_integer(form, bits, value):
    most = (1 << bits) - 1
    if value < most:
        return bytes([form | value])
    out = bytearray([form | most])
    value -= most
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def put_string(text):
    data = text.encode()
    coded = huffman.encode(data)
    if len(coded) < len(data):
        return put_integer(0x80, 7, len(coded)) + coded
    return put_integer(0, 7, len(data)) + data
