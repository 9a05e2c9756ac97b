"""Draws ``faults.png``, the first picture of the README and of the site: the one of the notebook on faults, from a training of its own.

Run ``python docs/make_picture.py`` from the top of the repository.
"""

from __future__ import annotations

import runpy
from pathlib import Path

import matplotlib

DOCS = Path(__file__).parent
NOTEBOOK = DOCS.parent / "notebooks" / "06_faults_the_loss_does_not_show.py"

if __name__ == "__main__":
    matplotlib.use("agg")
    runpy.run_path(str(NOTEBOOK))["figure"].savefig(DOCS / "faults.png", dpi=120)
