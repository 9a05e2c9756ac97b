"""A transformer of scikit-learn that turns each series, a row of X, into its DFA exponent and what goes with it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Self

import numpy as np
import numpy.typing as npt

from wcdfa.inference.calibration import Method
from wcdfa.inference.each_series import NUMBERS, measure_each, too_short
from wcdfa.inference.exponent import DFAResult, DFAWarning, check_confidence
from wcdfa.kernel.missing import Missing
from wcdfa.support.extras import needed

with needed("wcdfa.backends.sklearn", "wcdfa[sklearn]"):
    from sklearn.base import BaseEstimator, TransformerMixin
    from sklearn.utils import Tags
    from sklearn.utils.validation import check_is_fitted, validate_data

Values = npt.NDArray[np.float64]

COLUMNS = (*NUMBERS, "saturated", "fluctuations")


class DFATransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turns each series, a row of X, into columns: α, and what else you ask for.

    >>> import wcdfa
    >>> X = wcdfa.synthetic.white_noise(500, batch=(3,), seed=0)
    >>> transformer = DFATransformer(columns=("alpha", "low", "high"))
    >>> transformer.fit_transform(X).round(2)
    array([[0.45, 0.32, 0.6 ],
           [0.49, 0.36, 0.63],
           [0.52, 0.39, 0.66]])
    >>> transformer.get_feature_names_out()
    array(['alpha', 'low', 'high'], dtype=object)

    Parameters
    ----------
    columns : names
        Fields of `wcdfa.DFAResult`: "alpha", "stderr", "low", "high", "r_squared", "adequacy", "saturated" (0 or 1), "fluctuations"
        (F(s), a column for each box size).
    order, scales, method, confidence, missing
        As `wcdfa.dfa`: NaN in X is refused, unless ``missing="omit"`` says that it is a gap.

    Notes
    -----
    A row without α, such as a constant one, gets NaN with a `wcdfa.DFAWarning`, and so do all rows if they are too short for a box size.
    """

    def __init__(
        self,
        columns: Sequence[str] = ("alpha",),
        *,
        order: int = 1,
        scales: Iterable[int] | None = None,
        method: Method = "robust",
        confidence: float = 0.95,
        missing: Missing = "raise",
    ) -> None:
        self.columns = columns
        self.order = order
        self.scales = scales
        self.method = method
        self.confidence = confidence
        self.missing = missing

    def fit(self, X: npt.ArrayLike, y: object = None) -> Self:
        """Check the options, and find the calibration for the length of the series; nothing is learnt from their values."""
        series: Values = self._validated(X, reset=True)
        unknown = [name for name in self.columns if name not in COLUMNS]
        if unknown or not len(self.columns):
            msg = f"columns must be among {', '.join(COLUMNS)}, got {', '.join(map(repr, unknown)) or 'none'}"
            raise ValueError(msg)
        check_confidence(self.confidence)
        self.sizes_, self.too_short_ = self._prepared(series.shape[1])
        return self

    def transform(self, X: npt.ArrayLike) -> Values:
        """Compute the columns asked for, one row for each series."""
        check_is_fitted(self)
        series: Values = self._validated(X, reset=False)
        if self.too_short_ is not None:
            warnings.warn(f"all columns are NaN: {self.too_short_}", DFAWarning, stacklevel=2)
            return np.full((len(series), len(self.get_feature_names_out())), np.nan)
        result = self._measured(series)
        if (missing := int(np.isnan(result.alpha).sum())) > 0:
            warnings.warn(f"alpha is NaN for {missing} of {len(series)} rows: {result.reason}", DFAWarning, stacklevel=2)
        return np.column_stack([np.asarray(getattr(result, name), dtype=np.float64) for name in self.columns])

    def get_feature_names_out(self, input_features: object = None) -> npt.NDArray[np.object_]:
        """The names of the columns; F(s) at 8 samples is "fluctuations_8"."""
        check_is_fitted(self)
        of_each = {"fluctuations": [f"fluctuations_{size}" for size in self.sizes_]}
        return np.array([column for name in self.columns for column in of_each.get(name, [name])], dtype=object)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing == "omit"
        return tags

    def _validated(self, X: npt.ArrayLike, *, reset: bool) -> Values:
        finite = "allow-nan" if self.missing == "omit" else True
        return np.asarray(validate_data(self, X, dtype=np.float64, reset=reset, ensure_all_finite=finite))

    def _prepared(self, n: int) -> tuple[tuple[int, ...], str | None]:
        """The box sizes for series of `n` samples; if they are too short for the default ones, none and why."""
        why = too_short(n, {"order": self.order, "scales": self.scales, "method": self.method})
        if why is not None:
            return (), why
        measured = self._measured(np.random.default_rng(0).standard_normal((1, n)))
        return tuple(int(size) for size in measured.scales), None

    def _measured(self, series: Values) -> DFAResult:
        return measure_each(
            series, order=self.order, scales=self.scales, method=self.method, confidence=self.confidence, missing=self.missing
        )
