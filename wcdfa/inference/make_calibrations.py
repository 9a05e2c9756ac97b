"""Makes the calibrations that ship with the package: ``python -m wcdfa.inference.make_calibrations [length …]``.

Takes a quarter of an hour on two cores and 4 GB of memory, nearly all of it for 4,096 samples.
"""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt

from wcdfa.inference.calibration_tables import FOLDER, VERSION, compute, packed, shipped_layouts
from wcdfa.scales import SHIPPED

SERIES = 4000  # simulated at each α for the misfit


def main() -> None:
    """Compute and write each file."""
    FOLDER.mkdir(exist_ok=True)
    for n in map(int, sys.argv[1:] or SHIPPED):
        arrays: dict[str, npt.NDArray[np.generic]] = {"version": np.array(VERSION)}
        for name, (sizes, order, overlap) in shipped_layouts(n).items():
            table = compute(n, sizes, order, overlap, exact=True, series=SERIES)
            arrays |= {f"{name}.{key}": value for key, value in packed(table).items()}
        np.savez_compressed(FOLDER / f"{n}.npz", allow_pickle=False, **arrays)
        sys.stdout.write(f"{n}: {(FOLDER / f'{n}.npz').stat().st_size / 1024:.0f} kB\n")


if __name__ == "__main__":
    main()
