"""Tells bytes that are no text, such as those of a damaged disk or of a file with a wrong ending, without showing them."""

from __future__ import annotations

import codecs
from pathlib import Path

from wcdfa.readers.errors import LogError
from wcdfa.readers.formats.dialects import encoding_of
from wcdfa.readers.recognition import head_of

CONTROL = bytes(sorted(set(range(1, 32)) - set(b"\t\n\r\f\b\x1b")))  # in no text; zeros are what a crash leaves in one
SHARE = 0.02  # of such bytes; among random ones they are a tenth
WIDE = ("utf-16", "utf-32")


def require_text(path: Path) -> None:
    """Raise a LogError if a file does not begin as text in any encoding."""
    if is_binary(head_of(path)):
        msg = "no text: it begins with bytes that are in no text, so it is damaged, or of another kind than its name says"
        raise LogError(msg)


def is_binary(head: bytes) -> bool:
    r"""Whether a file that begins so is no text.

    >>> is_binary(bytes(range(256))), is_binary("größe;1,5\n".encode("latin-1")), is_binary("step\n1\n".encode("utf-16"))
    (True, False, False)
    """
    controls = len(head) - len(head.translate(None, CONTROL))
    if controls <= SHARE * len(head):
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # the last letter may be cut off
    except UnicodeDecodeError:
        return not _is_wide(head)
    return False


def _is_wide(head: bytes) -> bool:
    encoding = encoding_of(head) if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) or b"\0" in head[:4] else ""
    return encoding.startswith(WIDE)
