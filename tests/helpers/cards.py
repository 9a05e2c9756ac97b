"""What a notebook would show of an object, with IPython's own formatter, checked to be well-formed and to need nothing from elsewhere."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from tests.conftest import require


def shown(given):
    """The HTML of an object, parsed, and the text in it without that of the picture."""
    HTMLFormatter = require("IPython.core.formatters").HTMLFormatter
    html = HTMLFormatter()(given)
    assert html is not None, given
    assert not re.search(r"<script|<link|<img|https?:|javascript:|\son\w+=", html)
    assert len(html) < 9000
    tree = ElementTree.fromstring(html)
    for picture in tree.iter("svg"):
        assert picture.get("role") == "img"
        assert picture.get("aria-label") == picture.find("title").text
    return tree, " ".join("".join(part.itertext()) for part in tree.iter("p"))


def text_of(given):
    return shown(given)[1]
