"""What people typed, made fit for formats in which a line end means something."""

from __future__ import annotations

import re
import unicodedata

_LINE_END = re.compile("\r\n|[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


def clean(text: str) -> str:
    """`text` with LF as its only line end, and no control character or half a surrogate."""
    text = _LINE_END.sub("\n", text.encode("utf-8", "replace").decode())
    return "".join(
        " " if unicodedata.category(character) == "Cc" and character != "\n" else character
        for character in text
    )


def one_line(text: str) -> str:
    """`text` as one line, with single spaces."""
    return " ".join(clean(text).split())
