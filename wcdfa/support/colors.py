"""Colors that color-blind people can tell apart, on light and dark pages: M. Okabe and K. Ito (2008), "Color universal design"."""

from __future__ import annotations

ALPHA, NULL, CRITICAL, RATE, LOSS, SPREAD = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"
SERIES = (ALPHA, NULL, CRITICAL, RATE, LOSS, SPREAD)  # colors of several runs in one picture
BANDS = {"ordered": NULL, "critical": CRITICAL, "disordered": ALPHA}
HEAT = "cividis", 0.25, 1.75  # the color map for α of groups, and α at its ends; 1 is in the middle
