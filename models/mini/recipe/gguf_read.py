"""Reads a GGUF v3 file back into plain numpy, for the check."""
import struct

import numpy as np

from gguf_write import ALIGN, ARRAY, FORMATS, STRING, TYPE_F32, TYPE_Q8_0


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        got = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return got[0] if len(got) == 1 else got

    def text(self):
        n = self.take("Q")
        self.at += n
        return self.data[self.at - n:self.at].decode("utf-8")

    def value(self, kind):
        if kind == STRING:
            return self.text()
        if kind == ARRAY:
            item, count = self.take("IQ")
            return [self.value(item) for _ in range(count)]
        return self.take(FORMATS[kind][1:])


def read(path):
    """Returns (metadata, tensors), the tensors as float32."""
    with open(path, "rb") as f:
        r = Reader(f.read())
    magic, version, n_tensors, n_meta = r.take("IIQQ")
    if magic != 0x46554747 or version != 3:
        raise ValueError(f"{path} is not a GGUF v3 file")
    metadata = {}
    for _ in range(n_meta):
        key = r.text()
        metadata[key] = r.value(r.take("I"))
    infos = []
    for _ in range(n_tensors):
        name, n = r.text(), r.take("I")
        dims = [r.take("Q") for _ in range(n)]
        infos.append((name, dims[::-1], *r.take("IQ")))
    base = r.at + -r.at % ALIGN
    tensors = {}
    for name, shape, kind, offset in infos:
        count = int(np.prod(shape))
        if kind == TYPE_F32:
            array = np.frombuffer(r.data, "<f4", count, base + offset)
        elif kind == TYPE_Q8_0:
            blocks = np.frombuffer(r.data, [("d", "<f2"), ("q", "i1", 32)], count // 32, base + offset)
            array = blocks["d"].astype(np.float32)[:, None] * blocks["q"]
        else:
            raise ValueError(f"{name} has type {kind}, which this recipe does not write")
        tensors[name] = array.reshape(shape).astype(np.float32)
    return metadata, tensors
