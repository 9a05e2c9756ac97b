"""The still heat map of α of each group: an image of few pixels inside the picture."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
import numpy.typing as npt

from wcdfa.report.axes import axis_of, frame
from wcdfa.report.encoding import DrawnRun
from wcdfa.report.stills import floats
from wcdfa.report.svg import LETTER, Floats, rectangle, short, svg, words
from wcdfa.support.colors import HEAT
from wcdfa.support.markup import Markup, element

WIDTH, ROW, COLUMNS = 1120, 20, 480  # pixels; columns of the image
CIVIDIS = "00224e 1a386f 434e6c 61656f 7d7c78 9b9476 bcae6c dec958 fee838"
"""The color map "cividis" at nine places: J. Nuñez, C. Anderton and R. Renslow (2018), doi:10.1371/journal.pone.0199239."""
LEVELS = 64  # colors of the image; one more is transparent


def heat_map(run: DrawnRun) -> Markup:
    """A row for each group, colored by its α over the steps, and blank without one."""
    assert run["groups"] is not None
    names, alpha = run["groups"]["names"], np.array([floats(row) for row in run["groups"]["alpha"]])
    stops = floats([each["steps"][1] for each in run["windows"]])
    height = max(350, 120 + ROW * len(names))
    left, right, top, bottom = min(440, 40 + LETTER * max(map(len, names))), 1000, 30, height - 60
    x = axis_of(_edges(stops), left, right, margin=0)
    row = (bottom - top) / len(names)
    y = axis_of([0, len(names)], bottom, top, margin=0)
    parts = [frame(x, y, ("optimizer step", ""), ticks=(8, 0))]
    parts.append(_image(alpha[:, _columns(stops)], (left, top, right - left, bottom - top)))
    parts += [words(name, left - 8, top + (number + 0.5) * row + 4, "end") for number, name in enumerate(names)]
    return svg(WIDTH, height, "α of each group of parameters over the steps", [*parts, *_scale(top)])


def _edges(stops: Floats) -> Floats:
    """Where the column of each window begins and ends: half-way to its neighbours."""
    half = np.diff(stops) / 2 if len(stops) > 1 else np.array([0.5])
    return np.concatenate([stops[:1] - half[:1], stops[:-1] + half[: len(stops) - 1], stops[-1:] + half[-1:]])


def _columns(stops: Floats) -> npt.NDArray[np.intp]:
    """The window that each column of the image shows."""
    edges = _edges(stops)
    count = min(COLUMNS, 40 * len(stops))
    places = edges[0] + (np.arange(count) + 0.5) / count * (edges[-1] - edges[0])
    return np.asarray(np.clip(np.searchsorted(edges, places) - 1, 0, len(stops) - 1), dtype=np.intp)


def _image(alpha: Floats, place: tuple[float, float, float, float]) -> Markup:
    sides = {name: short(side) for name, side in zip(("x", "y", "width", "height"), place, strict=True)}
    data = f"data:image/png;base64,{base64.b64encode(_png(alpha)).decode()}"
    return element("image", href=data, preserveAspectRatio="none", style="image-rendering: pixelated", **sides)


def _png(alpha: Floats) -> bytes:
    """An image with a pixel for each number, blank for NaN."""
    _, low, high = HEAT
    share = np.clip((np.nan_to_num(alpha) - low) / (high - low), 0, 1)
    index = np.where(np.isfinite(alpha), 1 + np.round(share * (LEVELS - 1)), 0).astype(np.uint8)
    rows, columns = index.shape
    lines = b"".join(b"\0" + row.tobytes() for row in index)
    palette = bytes(3) + b"".join(bytes(_color(level / (LEVELS - 1))) for level in range(LEVELS))
    parts = [(b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)), (b"PLTE", palette), (b"tRNS", b"\0")]
    parts += [(b"IDAT", zlib.compress(lines, 9)), (b"IEND", b"")]
    chunks = (struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _color(share: float) -> list[int]:
    """Red, green and blue, each from 0 to 255.

    >>> _color(0.0), _color(1.0)
    ([0, 34, 78], [254, 232, 56])
    """
    stops = np.array([list(bytes.fromhex(each)) for each in CIVIDIS.split()])
    return [round(float(np.interp(8 * share, np.arange(9), stops[:, part]))) for part in range(3)]


def _scale(top: float) -> list[Markup]:
    """The colors with the α that they stand for."""
    _, low, high = HEAT
    parts = [words("α", 1040, top - 10)]
    for level in range(16):
        color = "#" + bytes(_color(level / 15)).hex()
        at = top + 240 * (1 - level / 15)
        parts.append(rectangle((1030, 1050), (at, at + 16), color, 1))
    for alpha in (0.5, 1.0, 1.5):
        parts.append(words(f"{alpha:g}", 1058, top + 12 + 240 * (1 - (alpha - low) / (high - low))))
    return parts
