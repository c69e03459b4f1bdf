"""Writes a GGUF v3 file; matrices as Q8_0, norms as F32."""
import os
import struct

import numpy as np

U8, U32, F32, BOOL, STRING, ARRAY, U64, I32 = 0, 4, 6, 7, 8, 9, 10, 5
TYPE_F32, TYPE_Q8_0 = 0, 8
ALIGN = 32
FORMATS = {U32: "<I", I32: "<i", F32: "<f", BOOL: "<?", U64: "<Q"}


def text(s):
    data = s.encode("utf-8")
    return struct.pack("<Q", len(data)) + data


def value(kind, v):
    return text(v) if kind == STRING else struct.pack(FORMATS[kind], v)


def pair(key, kind, v):
    """A metadata entry; kind is a type number, or (ARRAY, type of the items)."""
    if isinstance(kind, tuple):
        body = struct.pack("<IIQ", ARRAY, kind[1], len(v)) + b"".join(value(kind[1], x) for x in v)
    else:
        body = struct.pack("<I", kind) + value(kind, v)
    return text(key) + body


def q8_0(matrix):
    """Blocks of 32 weights: a half-precision scale, then 32 signed bytes."""
    blocks = np.ascontiguousarray(matrix, dtype=np.float32).reshape(-1, 32)
    scale = np.abs(blocks).max(axis=1, keepdims=True) / np.float32(127)
    inverse = np.divide(1, scale, out=np.zeros_like(scale), where=scale > 0)
    out = np.empty(len(blocks), dtype=[("d", "<f2"), ("q", "i1", 32)])
    out["d"] = scale[:, 0]
    out["q"] = np.rint(blocks * inverse)
    return out.tobytes()


def write(path, metadata, tensors):
    """metadata: (key, kind, value) triples; tensors: name -> numpy array."""
    head = struct.pack("<IIQQ", 0x46554747, 3, len(tensors), len(metadata))
    head += b"".join(pair(*entry) for entry in metadata)
    bodies, offset = [], 0
    for name, array in tensors.items():
        quantised = array.ndim == 2
        data = q8_0(array) if quantised else array.astype("<f4").tobytes()
        # GGUF lists the fastest-running dimension first, numpy last.
        dims = array.shape[::-1]
        head += text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims,
                                         TYPE_Q8_0 if quantised else TYPE_F32, offset)
        data += bytes(-len(data) % ALIGN)
        bodies.append(data)
        offset += len(data)
    head += bytes(-len(head) % ALIGN)
    # Whoever stops the recipe here keeps the former file.
    unfinished = f"{path}.part"
    with open(unfinished, "wb") as f:
        f.write(head + b"".join(bodies))
    os.replace(unfinished, path)
