"""Cuts text into words the way the "gpt-2" pre-tokenizer of GGUF runtimes does."""
import unicodedata

# The code points runtimes call white space; str.isspace() counts a few more.
SPACE = set("\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000") | {chr(c) for c in range(0x2000, 0x200b)}
SUFFIXES = ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d")


def _class(ch):
    if ch in SPACE:
        return "space"
    first = unicodedata.category(ch)[0]
    return "letter" if first == "L" else "number" if first == "N" else "other"


def split(text):
    """Words in order; joined they give the text again."""
    words, i, n = [], 0, len(text)
    while i < n:
        start = i
        suffix = next((s for s in SUFFIXES if text.startswith(s, i)), None) if text[i] == "'" else None
        if suffix:
            i += len(suffix)
        else:
            j = i + 1 if text[i] == " " and i + 1 < n and text[i + 1] not in SPACE else i
            kind = _class(text[j])
            if kind != "space":
                i = j
                while i < n and _class(text[i]) == kind:
                    i += 1
            else:
                while i < n and text[i] in SPACE:
                    i += 1
                # The last blank before a word belongs to that word, or stands alone.
                if i < n and i - start > 1:
                    i -= 1
        words.append(text[start:i])
    return words
