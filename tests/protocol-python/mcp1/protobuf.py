"""Messages of chasqui.proto to bytes and back. A message is a dict of its fields by name."""

import struct

from .schema import SCHEMA, Field

_FIXED = {"float": "<f"}
_DEFAULTS = {"string": "", "bytes": b"", "float": 0.0, "bool": False}


class Malformed(Exception):
    """Bytes that are no message."""


def encode(kind, values):
    """The bytes of a message; a name that it does not have is an error."""
    fields = {field.name: field for field in SCHEMA.messages[kind].values()}
    out = bytearray()
    for name, value in values.items():
        if name not in fields:
            raise ValueError(f"{kind} has no field {name}")
        if value is not None:
            out += _encode_field(fields[name], value)
    return bytes(out)


def _encode_field(field, value):
    if field.label == "map":
        entry = _entry_fields(field)
        return b"".join(_tagged(field.number, 2, _length(_encode_field(entry[1], k) + _encode_field(entry[2], v))) for k, v in value.items())
    if field.label == "repeated":
        if _wire(field.type) == 2:
            return b"".join(_tagged(field.number, 2, _scalar(field.type, item)) for item in value)
        return _tagged(field.number, 2, _length(b"".join(_scalar(field.type, item) for item in value))) if value else b""
    told_apart = field.label == "optional" or field.oneof or field.type in SCHEMA.messages
    if not told_apart and value == _default(field):
        return b""
    return _tagged(field.number, _wire(field.type), _scalar(field.type, value))


def decode(kind, data):
    """The message, with the defaults of what was left out (None for optional fields and messages). Unknown fields are passed over."""
    fields = SCHEMA.messages[kind]
    values = {field.name: _default(field) for field in fields.values()}
    at = 0
    while at < len(data):
        tag, at = _get_varint(data, at)
        number, wire = tag >> 3, tag & 7
        if tag >= 2**32 or number == 0:
            raise Malformed(f"the tag {tag}")
        raw, at = _get_raw(data, at, wire)
        field = fields.get(number)
        if field is None:
            continue
        if field.label == "repeated" and wire == 2 and _wire(field.type) != 2:
            values[field.name] += _unpack(field.type, raw)
        elif wire != _wire(field.type if field.label != "map" else "bytes"):
            continue
        elif field.label == "map":
            key, value = _read_entry(field, raw)
            values[field.name][key] = value
        elif field.label == "repeated":
            values[field.name].append(_value(field.type, raw))
        else:
            if field.oneof:
                values.update({other.name: None for other in fields.values() if other.oneof == field.oneof})
            values[field.name] = _value(field.type, raw)
    return values


def _default(field):
    if field.label == "repeated":
        return []
    if field.label == "map":
        return {}
    if field.label == "optional" or field.oneof or field.type in SCHEMA.messages:
        return None
    return SCHEMA.enums[field.type][0] if field.type in SCHEMA.enums else _DEFAULTS.get(field.type, 0)


def _entry_fields(field):
    key, value = field.type
    return {1: Field("key", 1, key, "", None), 2: Field("value", 2, value, "", None)}


def _read_entry(field, raw):
    entry = _entry_fields(field)
    found = {1: _default(entry[1]), 2: _default(entry[2])}
    at = 0
    while at < len(raw):
        tag, at = _get_varint(raw, at)
        part, at = _get_raw(raw, at, tag & 7)
        if tag >> 3 in entry:
            found[tag >> 3] = _value(entry[tag >> 3].type, part)
    return found[1], found[2]


def _wire(kind):
    return 5 if kind in _FIXED else 2 if kind in ("string", "bytes") or kind in SCHEMA.messages else 0


def _tagged(number, wire, data):
    return _varint(number << 3 | wire) + data


def _length(data):
    return _varint(len(data)) + data


def _varint(value):
    value &= 2**64 - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _scalar(kind, value):
    if kind in SCHEMA.messages:
        return _length(encode(kind, value))
    if kind in SCHEMA.enums:
        return _varint(next(number for number, name in SCHEMA.enums[kind].items() if name == value))
    if kind == "string":
        return _length(value.encode())
    if kind == "bytes":
        return _length(bytes(value))
    return struct.pack(_FIXED[kind], value) if kind in _FIXED else _varint(int(value))


def _get_varint(data, at):
    value = 0
    for place in range(10):
        if at >= len(data):
            raise Malformed("cut off")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value & 2**64 - 1, at
    raise Malformed("an integer without end")


def _get_raw(data, at, wire):
    if wire == 0:
        return _get_varint(data, at)
    if wire == 2:
        size, at = _get_varint(data, at)
    elif wire in (1, 5):
        size = 8 if wire == 1 else 4
    else:
        raise Malformed(f"the wire type {wire}")
    if size > len(data) - at:
        raise Malformed("cut off")
    return data[at:at + size], at + size


def _value(kind, raw):
    if kind in SCHEMA.messages:
        return decode(kind, raw)
    if kind in SCHEMA.enums:
        return SCHEMA.enums[kind].get(raw, raw)
    if kind == "string":
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise Malformed("a text is not UTF-8") from None
    if kind == "bytes" or kind in _FIXED:
        return raw if kind == "bytes" else struct.unpack(_FIXED[kind], raw)[0]
    if kind == "bool":
        return raw != 0
    if kind in ("int32", "int64"):
        bits = 32 if kind == "int32" else 64
        raw &= 2**bits - 1
        return raw - 2**bits if raw >> bits - 1 else raw
    return raw & (2**32 - 1) if kind == "uint32" else raw


def _unpack(kind, raw):
    items, at = [], 0
    while at < len(raw):
        part, at = _get_raw(raw, at, _wire(kind))
        items.append(_value(kind, part))
    return items
