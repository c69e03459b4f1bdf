"""The Huffman code of RFC 7541, appendix B. It is canonical, so the lengths of its codes say all: they are counted up by length, then by symbol."""

END_OF_STRING = 256

# One letter for each symbol from 0 to 256: "a" is a length of 5 bits, "z" of 30.
_LETTERS = (
    "isxxxxxxxtzxxzxxxxxxxxzxxxxxxxxx" "bffhibdgffdgdbbbaaabbbbbbbcdkbhf" "ibccccccccccccccccccccccdcdioijb" "kabababbbaccbbbabcbaabccccckgjix"
    "prpprrrsrssssststtrstssssqrsrsst" "rqprrssqsrrtqrssqqrqsrssprrrsrrs" "vvporsruvvvwwvtuoqvwwvwtqqvvxwww" "ptpqrqqsrruuttvsvwvvwwwwwxwwwwwv" "z")


def _codes():
    code = length = 0
    table = {}
    for bits, symbol in sorted((ord(letter) - ord("a") + 5, symbol) for symbol, letter in enumerate(_LETTERS)):
        code <<= bits - length
        length = bits
        table[symbol] = (code, bits)
        code += 1
    return table


CODES = _codes()
_SYMBOLS = {(bits, code): symbol for symbol, (code, bits) in CODES.items()}


def encode(data):
    value = size = 0
    for byte in data:
        code, bits = CODES[byte]
        value = value << bits | code
        size += bits
    padding = -size % 8
    return (value << padding | (1 << padding) - 1).to_bytes((size + padding) // 8, "big")


def decode(data):
    """The bytes; ValueError for a code that is cut off, a wrong padding, or the code of the end of the string."""
    out = bytearray()
    code = bits = 0
    for byte in data:
        for place in range(7, -1, -1):
            code = code << 1 | byte >> place & 1
            bits += 1
            symbol = _SYMBOLS.get((bits, code))
            if symbol is None:
                continue
            if symbol == END_OF_STRING:
                raise ValueError("the code of the end of the string")
            out.append(symbol)
            code = bits = 0
    if bits > 7 or code != (1 << bits) - 1:
        raise ValueError("a wrong padding")
    return bytes(out)
