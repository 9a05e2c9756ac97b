"""Makes, shows and writes figures."""

from __future__ import annotations

import os
import sys
import warnings
from io import BytesIO
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from wcdfa.support.failures import writing
from wcdfa.support.files import replacing
from wcdfa.support.text import shown

INLINE = "inline"  # what the names of the backend of notebooks end in
FILES_ONLY = {"agg", "cairo", "pdf", "pgf", "ps", "svg", "template"}  # backends of matplotlib that cannot show a figure

OWNER = "wcdfa run"  # the name of the text in a picture
PNG = b"\x89PNG\r\n\x1a\n"
TOP = 1 << 12  # bytes at the top of a picture, which hold its texts


class Picture(Figure):
    """A figure that a notebook shows once, although `show` shows it and it is the value of the cell too."""

    shown_in: int | None = None
    """The number of the cell in which it has been shown."""

    def _ipython_display_(self) -> None:
        """Do nothing if this cell has shown the figure as it is; otherwise IPython shows it as any other."""
        if self.stale or self.shown_in is None or self.shown_in != _cell():
            raise NotImplementedError

    def _repr_png_(self) -> bytes:
        """The picture, for a notebook in which pyplot was never imported."""
        file = BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()


def _cell() -> int | None:
    """The number of the cell of a notebook that runs now."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return None if shell is None else int(shell.execution_count)


def blank(*, shown: bool) -> Figure:
    """Make an empty figure. pyplot manages it only if it should be shown and the backend can show it."""
    if not (shown and _can_show()):
        return Picture(figsize=(10, 4), layout="constrained")
    from matplotlib import pyplot  # noqa: PLC0415 - looks for a screen

    figure: Figure = pyplot.figure(FigureClass=Picture, figsize=(10, 4), layout="constrained")
    return figure


def show(figure: Figure | None = None) -> None:
    """Show the figures of pyplot, if the backend can; `figure` is that which has just been drawn."""
    if not _can_show():
        return
    from matplotlib import pyplot  # noqa: PLC0415

    pyplot.show()
    if isinstance(figure, Picture) and str(matplotlib.get_backend()).lower().endswith(INLINE):
        figure.shown_in, figure.stale = _cell(), False  # what is changed from here on makes it stale


def _can_show() -> bool:
    return str(matplotlib.get_backend()).lower() not in FILES_ONLY


def place(path: str | os.PathLike[str]) -> Path:
    """Check that a picture can be written to a path, and return the absolute path.

    Raises
    ------
    ValueError
        If the path is a folder, or matplotlib does not know the format of its ending.
    """
    path = Path(path).resolve()
    known = Figure().canvas.get_supported_filetypes()
    if path.is_dir() or (path.suffix and path.suffix[1:].lower() not in known):
        what = "is a folder" if path.is_dir() else f"ends in {path.suffix!r}, and known are {', '.join(known)}"
        msg = f"the picture cannot be written: {shown(path)} {what}"
        raise ValueError(msg)
    return path


def save(figure: Figure, path: str | os.PathLike[str], *, owner: str = "") -> Path:
    """Write the figure and return the absolute path to it; raises as `place`, and OSError if the file cannot be written.

    A picture in PNG keeps the text `owner`, which `owner_of` reads.
    """
    path = place(path)
    kind = path.suffix[1:].lower() or str(matplotlib.rcParams["savefig.format"])
    with writing("picture", path), warnings.catch_warnings(), np.errstate(all="ignore"):  # ticks near the largest numbers
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # the font may lack letters of a name
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            figure.savefig(file, dpi=150, format=kind, metadata={OWNER: owner} if owner and kind == "png" else None)
    return path


def owner_of(path: str | os.PathLike[str]) -> str | None:
    """The text that `save` was given as `owner`; None if it was given none, or the file is no picture in PNG."""
    try:
        with open(path, "rb") as file:
            top = file.read(TOP)
    except OSError:
        return None
    start = top.find(b"tEXt" + OWNER.encode() + b"\0")
    if not top.startswith(PNG) or start < len(PNG) + 4:
        return None
    size = int.from_bytes(top[start - 4 : start], "big")  # of the text with its name, as the chunk says
    return top[start + 4 : start + 4 + size].partition(b"\0")[2].decode("latin-1")
