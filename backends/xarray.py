"""DFA of xarray objects: along a dimension by its name, dimensions and coordinates kept, arrays of Dask computed lazily."""

from __future__ import annotations

from typing import Unpack

import numpy as np
import numpy.typing as npt

from wcdfa.inference.each_series import NUMBERS, Options, measure_each
from wcdfa.inference.exponent import REASONS, DFAResult
from wcdfa.support.extras import needed

with needed("wcdfa.backends.xarray", "wcdfa[xarray]"):
    import xarray as xr

Values = npt.NDArray[np.generic]

FIELDS = {**dict.fromkeys(NUMBERS, np.float64), "saturated": np.bool_, "cause": np.int8}
NAMES = {
    "alpha": "DFA exponent",
    "stderr": "standard error of the DFA exponent",
    "low": "lower end of the interval of the DFA exponent",
    "high": "upper end of the interval of the DFA exponent",
    "r_squared": "R² of the line through log F(s)",
    "adequacy": "p-value of the misfit of a single exponent",
    "saturated": "whether the exponent is as large as the order allows",
    "cause": "why there is no exponent",
}
SCALE = "scale"
"""The dimension of F(s): sizes of boxes in samples."""


def dfa(data: xr.DataArray, dim: str = "time", **options: Unpack[Options]) -> xr.Dataset:
    """Measure the DFA exponent α along a dimension of a DataArray.

    >>> import numpy as np
    >>> import wcdfa
    >>> noise = wcdfa.synthetic.white_noise(500, batch=(2, 3), seed=0)
    >>> data = xr.DataArray(noise, dims=("lat", "lon", "time"), coords={"lat": [50.0, 52.5]}, attrs={"units": "K"})
    >>> found = dfa(data)
    >>> found.alpha.dims, found.lat.values.tolist()
    (('lat', 'lon'), [50.0, 52.5])
    >>> found.alpha.sel(lat=50).values.round(2)
    array([0.45, 0.49, 0.52])

    Parameters
    ----------
    data : DataArray
        Samples at equal spacing along `dim`; otherwise give ``times=data[dim]``. An array of Dask needs one chunk along it, and stays lazy.
    dim : str
        The dimension along which time runs.
    options
        As `wcdfa.dfa`: `order`, `scales`, `method`, `confidence`, `breaks`, `missing`, `times`, `spacing`.

    Returns
    -------
    Dataset
        The fields of `wcdfa.DFAResult` with the other dimensions of `data`, its coordinates and attributes. A series without α, for
        example one that holds NaN unless ``missing="omit"``, has α NaN and its reason in `cause`, whose values `cause.attrs` explains.

    Raises
    ------
    TypeError, ValueError
        If `data` is not a DataArray, it has no such dimension, or several chunks along it; otherwise as `wcdfa.dfa`.
    """
    _prepare(data, dim, options)
    parts = xr.apply_ufunc(
        lambda x: tuple(getattr(measure_each(x, **options), name) for name in FIELDS),
        data,
        input_core_dims=[[dim]],
        output_core_dims=[[]] * len(FIELDS),
        dask="parallelized",
        output_dtypes=list(FIELDS.values()),
        keep_attrs=False,
    )
    found = xr.Dataset(dict(zip(FIELDS, parts, strict=True)), attrs=data.attrs)
    for name, long_name in NAMES.items():
        found[name].attrs["long_name"] = long_name
    found["cause"].attrs |= {
        "flag_values": np.array([0, *REASONS], np.int8),
        "flag_meanings": "; ".join(["none", *REASONS.values()]),
    }
    return found


def fluctuations(data: xr.DataArray, dim: str = "time", **options: Unpack[Options]) -> xr.DataArray:
    """Compute the fluctuation function F(s) along a dimension of a DataArray, at the box sizes of `dfa`.

    >>> import wcdfa
    >>> data = xr.DataArray(wcdfa.synthetic.white_noise(500, batch=(3,), seed=0), dims=("site", "time"))
    >>> F = fluctuations(data, scales=[4, 8, 16, 32], method="ols")
    >>> F.dims, F.scale.values.tolist()
    (('site', 'scale'), [4, 8, 16, 32])

    Parameters
    ----------
    data, dim, options
        As `dfa`.

    Returns
    -------
    DataArray
        In the unit of `data`, with a dimension ``scale`` in place of `dim`: sizes of boxes in samples. NaN for a series with NaN.
    """
    sizes = _prepare(data, dim, options).scales
    computed: xr.DataArray = xr.apply_ufunc(
        lambda x: measure_each(x, **options).fluctuations,
        data,
        input_core_dims=[[dim]],
        output_core_dims=[[SCALE]],
        dask="parallelized",
        output_dtypes=[np.float64],
        dask_gufunc_kwargs={"output_sizes": {SCALE: len(sizes)}},
        keep_attrs=True,
    )
    scale = (SCALE, sizes, {"long_name": "size of a box", "units": "samples"})
    return computed.assign_coords({SCALE: scale}).rename("F")


def _prepare(data: xr.DataArray, dim: str, options: Options) -> DFAResult:
    """Measure a series of this length, so that its calibration is computed once and an option is refused before Dask begins."""
    if not isinstance(data, xr.DataArray):
        msg = f"data must be a DataArray, got {type(data).__name__}; of a Dataset give one variable: dataset['name']"
        raise TypeError(msg)
    if dim not in data.dims:
        msg = f"there is no dimension {dim!r}; the dimensions are {', '.join(map(repr, data.dims))}, so give dim="
        raise ValueError(msg)
    if (scales := options.get("scales")) is not None:
        options["scales"] = tuple(scales)  # each block reads them again
    if options.get("times") is not None:
        options["times"] = np.asarray(options["times"])
    if "breaks" in options:
        options["breaks"] = tuple(options["breaks"])
    return measure_each(np.random.default_rng(0).standard_normal(data.sizes[dim]), **options)


@xr.register_dataarray_accessor("wcdfa")  # type: ignore[no-untyped-call]
class Accessor:
    """``data.wcdfa.dfa("time")``, once this module is imported.

    >>> import wcdfa
    >>> data = xr.DataArray(wcdfa.synthetic.white_noise(500, seed=0), dims="time")
    >>> print(data.wcdfa.dfa().alpha.item().__format__(".2f"))
    0.45
    """

    def __init__(self, data: xr.DataArray) -> None:
        self._data = data

    def dfa(self, dim: str = "time", **options: Unpack[Options]) -> xr.Dataset:
        """As `wcdfa.backends.xarray.dfa`."""
        return dfa(self._data, dim, **options)

    def fluctuations(self, dim: str = "time", **options: Unpack[Options]) -> xr.DataArray:
        """As `wcdfa.backends.xarray.fluctuations`."""
        return fluctuations(self._data, dim, **options)
