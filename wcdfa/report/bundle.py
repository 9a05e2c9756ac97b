"""Scripts and data inside the page, compressed; the digests of the scripts keep any other script from running."""

from __future__ import annotations

import base64
import gzip
import hashlib
from functools import lru_cache
from importlib import import_module, resources

from wcdfa.report.markup import Markup


def asset(name: str) -> str:
    """The text of a file that ships with this package, such as "page.css"."""
    return resources.files("wcdfa.report").joinpath(name).read_text(encoding="utf-8")


@lru_cache(1)
def plotly() -> tuple[str, str]:
    """The drawing library, compressed, and its digest.

    Raises
    ------
    ValueError
        If plotly is not installed.
    """
    try:
        script: str = import_module("plotly.offline").get_plotlyjs()
    except ModuleNotFoundError as error:
        msg = f"a report is drawn by {error.name}, which is not installed: pip install 'wcdfa[cli]'"
        raise ValueError(msg) from error
    return compressed(script), digest(script)


def compressed(text: str) -> str:
    """The text compressed by gzip, in the letters of base64, of which none means anything in HTML."""
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


def digest(script: str) -> str:
    """The digest by which the policy of a page lets a script run."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def embedded(name: str, letters: str) -> Markup:
    """An element that holds data; no browser takes it for a script."""
    return Markup(f'<script type="text/plain" id="{name}">{letters}</script>')
