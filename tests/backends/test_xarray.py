"""xarray: dimensions, coordinates and attributes are kept, arrays of Dask stay lazy, series with NaN do not stop the others."""

from __future__ import annotations

import numpy as np
import pytest

import wcdfa
from tests.conftest import require

xr = pytest.importorskip("xarray")

from wcdfa.backends import xarray as backend
from wcdfa.inference.each_series import NUMBERS


@pytest.fixture
def data():
    values = wcdfa.synthetic.white_noise(256, batch=(2, 3), seed=0).transpose(2, 0, 1).copy()
    coords = {"lat": [50.0, 52.5], "lon": [0.0, 1.0, 2.0], "zone": ("lat", ["a", "b"]), "time": np.arange(256)}
    return xr.DataArray(values, dims=("time", "lat", "lon"), coords=coords, name="temperature", attrs={"units": "K"})


def test_fields_are_those_of_dfa_and_coordinates_are_kept(data):
    found, expected = backend.dfa(data, order=2), wcdfa.dfa(data.values, axis=0, order=2)
    for name in (*NUMBERS, "saturated"):
        assert np.array_equal(found[name], getattr(expected, name)), name
    assert found.alpha.dims == ("lat", "lon")
    assert set(found.coords) == {"lat", "lon", "zone"}
    assert found.attrs == {"units": "K"}
    assert data.attrs == {"units": "K"}
    assert "long_name" in found.alpha.attrs


def test_a_series_with_nan_has_no_alpha_and_a_cause(data):
    data[7, 1, 2] = np.nan
    data[:, 0, 0] = 5.0
    found = backend.dfa(data)
    assert found.cause.values.tolist() == [[1, 0, 0], [0, 0, 3]]
    assert np.array_equal(np.isnan(found.alpha), found.cause > 0)
    meanings = dict(zip(found.cause.attrs["flag_values"], found.cause.attrs["flag_meanings"].split("; "), strict=True))
    assert meanings[3] == "the series holds a value that is NaN or infinite"
    curve = backend.fluctuations(data)
    assert np.isnan(curve.isel(lat=1, lon=2)).all()
    assert not np.isnan(curve.isel(lat=1, lon=1)).any()


def test_gaps_and_times(data):
    short = data.isel(time=slice(0, 128)).copy()
    short[40:50, 1, 2] = np.nan
    found = backend.dfa(short, missing="omit", method="ols")
    assert np.allclose(found.alpha, wcdfa.dfa(short.values, axis=0, missing="omit", method="ols").alpha)
    times = np.delete(np.arange(138), slice(40, 50))
    assert np.allclose(
        backend.dfa(data.isel(time=slice(0, 128)), times=xr.DataArray(times), method="ols").alpha,
        wcdfa.dfa(data.values[:128], axis=0, times=times, method="ols").alpha,
    )


def test_fluctuations_have_a_scale(data):
    curve = backend.fluctuations(data, scales=(4, 8, 16), method="ols")
    assert np.allclose(curve.transpose("lat", "lon", "scale"), wcdfa.fluctuations(data.values, axis=0, scales=(4, 8, 16))[1])
    assert curve.scale.values.tolist() == [4, 8, 16]
    assert curve.attrs["units"] == "K"


def test_the_accessor_gives_the_same(data):
    assert data.wcdfa.dfa("time").identical(backend.dfa(data))
    assert data.wcdfa.fluctuations("time", order=2).identical(backend.fluctuations(data, order=2))


def test_arrays_of_dask_are_lazy_and_give_the_same(data, monkeypatch):
    require("dask.array")
    lazy = data.chunk({"lat": 1, "time": -1})
    counted = []
    measure = backend.measure_each
    monkeypatch.setattr(backend, "measure_each", lambda x, **options: counted.append(x.shape) or measure(x, **options))
    found = backend.dfa(lazy, scales=iter((4, 8, 16)), method="ols")
    curve = backend.fluctuations(lazy)
    assert counted == [(256,), (256,)]
    assert found.alpha.chunks is not None
    assert curve.chunks is not None
    xr.testing.assert_allclose(found.compute(scheduler="synchronous"), backend.dfa(data, scales=(4, 8, 16), method="ols"))
    xr.testing.assert_allclose(curve.compute(scheduler="synchronous"), backend.fluctuations(data))


def test_groups_and_windows(data):
    seasons = data.assign_coords(half=("time", np.repeat([0, 1], 128)))
    found = seasons.groupby("half").map(backend.dfa)
    assert np.allclose(found.alpha.isel(half=1), wcdfa.dfa(data.values[128:], axis=0).alpha)
    windows = data.rolling(time=128).construct("inside", stride=64).isel(time=slice(2, None))
    assert np.allclose(backend.dfa(windows, "inside").alpha[0], wcdfa.dfa(data.values[1:129], axis=0).alpha)


def test_what_is_refused(data):
    with pytest.raises(ValueError, match="no dimension 'when'; the dimensions are 'time', 'lat', 'lon', so give dim="):
        backend.dfa(data, "when")
    with pytest.raises(TypeError, match=r"must be a DataArray, got Dataset; of a Dataset give one variable"):
        backend.dfa(data.to_dataset())
    with pytest.raises(ValueError, match="method must be one of"):
        backend.dfa(data, method="best")
    require("dask.array")
    with pytest.raises(ValueError, match="multiple chunks"):
        backend.dfa(data.chunk({"time": 100}))
