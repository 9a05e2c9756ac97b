"""Small files of pictures."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure


def save(figure: Figure, path: Path, colours: int = 64) -> None:
    """Write a PNG with few colours: with all colours, pale points and lines make it two to three times as large."""
    drawn = BytesIO()
    figure.savefig(drawn, format="png")
    with Image.open(drawn) as image:
        image.convert("RGB").quantize(colours).save(path, "PNG", optimize=True)
