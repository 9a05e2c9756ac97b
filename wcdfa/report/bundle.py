"""Puts scripts and data into the page, compressed. The digests of the scripts keep other scripts from running."""

from __future__ import annotations

import base64
import gzip
import hashlib
from functools import lru_cache
from importlib import import_module, resources

from wcdfa.support.extras import way_out
from wcdfa.support.markup import Markup


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
        raise ValueError(way_out("a report", "wcdfa[cli]", error)) from error
    return compressed(script), digest(script)


def compressed(text: str) -> str:
    """Compress text with gzip and encode it in base64, which has no characters special to HTML."""
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


def digest(script: str) -> str:
    """The digest that allows a script to run under the policy of a page."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def embedded(name: str, letters: str) -> Markup:
    """Make an element that holds data and that no browser runs as a script."""
    return Markup(f'<script type="text/plain" id="{name}">{letters}</script>')
