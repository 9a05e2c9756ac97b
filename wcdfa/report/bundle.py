"""Scripts and data inside the page: packed, and with digests that keep any other script from running."""

from __future__ import annotations

import base64
import gzip
import hashlib
from functools import lru_cache
from importlib import import_module, resources

from wcdfa.report.markup import Markup


def asset(name: str) -> str:
    """A file that ships beside this one."""
    return resources.files("wcdfa.report").joinpath(name).read_text(encoding="utf-8")


@lru_cache(1)
def plotly() -> tuple[str, str]:
    """The library that draws, packed, and its digest.

    Raises
    ------
    ValueError
        If it is not installed.
    """
    try:
        script: str = import_module("plotly.offline").get_plotlyjs()
    except ModuleNotFoundError as error:
        msg = f"a report is drawn by {error.name}, which is not installed: pip install 'wcdfa[cli]'"
        raise ValueError(msg) from error
    return packed(script), digest(script)


def packed(text: str) -> str:
    """Compressed, in letters that mean nothing in HTML."""
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


def digest(script: str) -> str:
    """What a page's policy lets a script run by."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def parcel(name: str, letters: str) -> Markup:
    """Data in the page, which no browser takes for a script."""
    return Markup(f'<script type="text/plain" id="{name}">{letters}</script>')
