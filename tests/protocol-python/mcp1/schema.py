"""Reads chasqui.proto: the messages, and their fields by number. Only what that file uses of proto3."""

import re
from collections import namedtuple

from .hpack import DOCS

# label: "", "optional", "repeated" or "map"; type: a scalar, or the name of a message or an enum.
Field = namedtuple("Field", "name number type label oneof")


class Schema:
    def __init__(self, text):
        self.messages = {}
        self.enums = {}
        tokens = re.findall(r'"[^"]*"|[A-Za-z_][\w.]*|\d+|[^\s\w]', re.sub(r"//[^\n]*", "", text))
        at = 0
        while at < len(tokens):
            if tokens[at] == "message":
                at = self._message(tokens, at)
            elif tokens[at] == "enum":
                at = self._enum(tokens, at)
            else:
                at = tokens.index(";", at) + 1

    def _enum(self, tokens, at):
        end = tokens.index("}", at)
        body = tokens[at + 3:end]
        self.enums[tokens[at + 1]] = {int(body[i + 2]): body[i] for i in range(0, len(body), 4)}
        return end + 1

    def _message(self, tokens, at):
        fields = self.messages[tokens[at + 1]] = {}
        at += 3
        oneof = None
        while True:
            if tokens[at] == "}":
                at += 1
                if oneof is None:
                    return at
                oneof = None
                continue
            if tokens[at] == "oneof":
                oneof = tokens[at + 1]
                at += 3
                continue
            end = tokens.index(";", at)
            field = self._field(tokens[at:end], oneof)
            fields[field.number] = field
            at = end + 1

    @staticmethod
    def _field(words, oneof):
        if words[0] == "map":
            return Field(words[6], int(words[8]), (words[2], words[4]), "map", oneof)
        label = words.pop(0) if words[0] in ("optional", "repeated") else ""
        return Field(words[1], int(words[3]), words[0], label, oneof)


SCHEMA = Schema((DOCS / "chasqui.proto").read_text("utf-8"))
