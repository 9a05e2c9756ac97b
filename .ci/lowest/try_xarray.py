"""xarray: names of dimensions and coordinates are kept."""

import numpy as np
import xarray as xr

import wcdfa
from wcdfa.backends.xarray import dfa

x = wcdfa.synthetic.white_noise(500, batch=(2, 3), seed=0)
data = xr.DataArray(x, dims=("lat", "lon", "time"), coords={"lat": [1.0, 2.0]})
found = dfa(data)
assert found.alpha.dims == ("lat", "lon")
assert list(found.coords) == ["lat"]
assert np.array_equal(found.alpha, wcdfa.dfa(x).alpha)
assert data.wcdfa.fluctuations().dims == ("lat", "lon", "scale")
