"""The files beside docs/protocol.md."""

import json

from mcp1.hpack import DOCS


def load(name):
    return json.loads((DOCS / name).read_text("utf-8"))


def cuts(data, most=400):
    """The same bytes: whole, one by one, and cut in two at each place. Of long ones the first places alone."""
    yield [data]
    yield [data[at:at + 1] for at in range(len(data))]
    for at in range(1, min(len(data), most)):
        yield [data[:at], data[at:]]
