"""Check a built site: each internal link leads somewhere, no page loads anything from elsewhere, all can be searched. Usage: check_links.py FOLDER."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {"img": "src", "script": "src", "link": "href", "source": "src", "iframe": "src"}  # what a browser fetches by itself


class Page(HTMLParser):
    """The anchors, the links and the loaded files of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.places: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Collect the anchors, links and loaded files of one tag."""
        given = {name: value or "" for name, value in attributes}
        self.places |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag in LOADED and LOADED[tag] in given and given.get("rel") not in ("canonical", "author", "search", "index"):
            self.loads.append(given[LOADED[tag]])


def wrong(folder: Path) -> Iterator[str]:
    """Yield one line for each fault in the site."""
    found = (path for path in sorted(folder.rglob("*.html")) if "_static" not in path.parts)
    pages = {path.resolve(): Page(path) for path in found}
    if not pages:
        yield f"{folder}: no page"
    for path, page in pages.items():
        name = path.relative_to(folder.resolve())
        for link in page.links + page.loads:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                if link in page.loads and parts.scheme != "data":
                    yield f"{name}: loads {link}"
                elif parts.scheme not in ("https", "data", "mailto") or (parts.scheme == "https" and "." not in parts.netloc):
                    yield f"{name}: {link} does not begin with https"
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            if not target.is_file():
                yield f"{name}: {link} leads nowhere"
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].places:
                yield f"{name}: {link} has no such place"


def unsearchable(folder: Path) -> Iterator[str]:
    """Yield one line for each page that the search of the site does not know, or that has no field to search from."""
    index = (folder / "searchindex.js").read_text(encoding="utf-8")
    known = set(json.loads(index[index.index("{") : index.rindex("}") + 1])["docnames"])
    for path in sorted(folder.rglob("*.html")):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if "_static" in path.parts or name in ("genindex", "py-modindex", "search"):
            continue
        if name not in known:
            yield f"{name}: the search does not know it"
        if 'action="' not in path.read_text(encoding="utf-8"):
            yield f"{name}: no field to search from"


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    found = sorted(set(wrong(folder)) | set(unsearchable(folder)))
    print("\n".join(found) or "all links lead somewhere, and every page can be searched")
    sys.exit(bool(found))
