"""The payload of HELLO (docs/protocol.md, section 3)."""

from .bits import Reader, put_varint, text
from .codes import CREDIT_LIMIT, ConnectionFailed

# id: (name, default, least, most); for texts the most is bytes.
SETTINGS = {
    1: ("max_frame", 65_536, 16_384, 16_777_215),
    2: ("stream_credit", 262_144, 0, CREDIT_LIMIT),
    3: ("connection_credit", 4_194_304, 65_536, CREDIT_LIMIT),
    4: ("max_streams", 1_024, 0, CREDIT_LIMIT),
    5: ("max_header_list", 16_384, 1_024, 1_048_576),
    6: ("header_table", 4_096, 0, 65_536),
    7: ("heartbeat_ms", 15_000, 100, 3_600_000),
    8: ("name", "", None, 256),
    9: ("authorization", None, None, 8_192),
}
DEFAULTS = {name: default for name, default, _, _ in SETTINGS.values()}


def write_settings(settings):
    """The payload for what differs from the defaults, in the order of the ids."""
    unknown = set(settings) - set(DEFAULTS)
    if unknown:
        raise ValueError(f"no such setting: {', '.join(sorted(unknown))}")
    out = bytearray()
    for number, (name, default, least, _) in SETTINGS.items():
        value = settings.get(name, default)
        if value == default:
            continue
        data = value.encode() if least is None else put_varint(value)
        out += put_varint(number) + put_varint(len(data)) + data
    return bytes(out)


def read_settings(payload):
    """All settings, with the defaults of those that were left out."""
    found = dict(DEFAULTS)
    seen = set()
    reader = Reader(payload)
    while reader.left:
        number = reader.varint()
        data = reader.take(reader.varint())
        if number in seen:
            raise ConnectionFailed("PROTOCOL_ERROR", f"setting {number} twice")
        seen.add(number)
        if number not in SETTINGS:
            continue
        name, _, least, most = SETTINGS[number]
        if least is None:
            if len(data) > most:
                raise ConnectionFailed("PROTOCOL_ERROR", f"{name} has more than {most} bytes")
            found[name] = text(data, name)
            continue
        value_reader = Reader(data)
        value = value_reader.varint()
        if value_reader.left:
            raise ConnectionFailed("PROTOCOL_ERROR", f"bytes after the value of {name}")
        if not least <= value <= most:
            raise ConnectionFailed("PROTOCOL_ERROR", f"{name} must be {least} to {most}, not {value}")
        found[name] = value
    return found
