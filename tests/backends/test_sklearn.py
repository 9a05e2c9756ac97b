"""The transformer of scikit-learn: its own checks, names of columns, tables of pandas and polars, and what has no α."""

from __future__ import annotations

import numpy as np
import pytest

import wcdfa
from tests.conftest import require

sklearn = pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from wcdfa.backends.sklearn import COLUMNS, DFATransformer


@pytest.fixture(scope="module")
def series():
    return wcdfa.synthetic.white_noise(256, batch=(6,), seed=0)


CHECKS = parametrize_with_checks(
    [DFATransformer(), DFATransformer(missing="omit"), DFATransformer(columns=("alpha", "fluctuations"), method="ols")]
)


@pytest.mark.filterwarnings("ignore:all columns are NaN", "ignore:alpha is NaN", "ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.parametrize(
    CHECKS.args[0],
    [case for case in CHECKS.args[1] if "array_api" not in str(case)],  # it needs a setting of SciPy before it is imported
    ids=CHECKS.kwargs["ids"],
)
def test_the_checks_of_sklearn(estimator, check):
    check(estimator)


def test_columns_are_those_of_dfa(series):
    transformer = DFATransformer(columns=COLUMNS, order=2, confidence=0.9).fit(series)
    table, result = transformer.transform(series), wcdfa.dfa(series, order=2, confidence=0.9)
    for i, name in enumerate(COLUMNS[:-1]):
        assert np.array_equal(table[:, i], getattr(result, name)), name
    assert np.array_equal(table[:, len(COLUMNS) - 1 :], result.fluctuations)
    assert list(transformer.get_feature_names_out()[-2:]) == [f"fluctuations_{size}" for size in result.scales[-2:]]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_tables(series, library):
    require(library)
    found = DFATransformer(columns=("alpha", "low")).set_output(transform=library).fit_transform(series)
    assert list(found.columns) == ["alpha", "low"]
    assert type(found).__module__.startswith(library)
    assert np.allclose(np.asarray(found["alpha"]), wcdfa.dfa(series).alpha)


def test_a_search_over_its_options_in_a_pipeline(series):
    X = np.concatenate([series, np.cumsum(series, axis=-1)])
    y = np.repeat([0, 1], len(series))
    search = GridSearchCV(make_pipeline(DFATransformer(), LogisticRegression()), {"dfatransformer__order": [1, 2]}, cv=3)
    assert search.fit(X, y).best_score_ == 1
    again = clone(DFATransformer(columns=("low",), scales=(4, 8, 16)))
    assert again.get_params()["columns"] == ("low",)


def test_rows_without_alpha_are_nan_with_the_reason(series):
    X = series.copy()
    X[2] = 1.0
    with pytest.warns(wcdfa.DFAWarning, match="NaN for 1 of 6 rows: the series is constant"):
        table = DFATransformer().fit_transform(X)
    assert np.isnan(table[:, 0]).tolist() == [i == 2 for i in range(6)]
    with pytest.warns(wcdfa.DFAWarning, match="8 samples; .* need at least 16"):
        assert np.isnan(DFATransformer().fit_transform(series[:, :8])).all()


def test_nan_are_gaps_if_asked(series):
    lost = series[:2, :128].copy()
    lost[1, 40:50] = np.nan
    found = DFATransformer(missing="omit", method="ols").fit_transform(lost)
    assert np.array_equal(found[:, 0], wcdfa.dfa(lost, missing="omit", method="ols").alpha)


def test_what_is_refused(series):
    lost = series.copy()
    lost[0, 3] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN"):
        DFATransformer().fit(lost)
    with pytest.raises(ValueError, match=r"columns must be among .* got 'slope'"):
        DFATransformer(columns=("slope",)).fit(series)
    with pytest.raises(ValueError, match="order must be 1, 2, 3 or 4"):
        DFATransformer(order=7).fit(series)
    with pytest.raises(ValueError, match="scales must increase"):
        DFATransformer(scales=(8, 4)).fit(series)
    with pytest.raises(ValueError, match="128 features, but DFATransformer is expecting 256"):
        DFATransformer().fit(series).transform(series[:, :128])
