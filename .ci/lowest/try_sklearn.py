"""scikit-learn: its checks, and a table with names of columns."""

import os
import warnings

os.environ["SCIPY_ARRAY_API"] = "1"  # one of the checks asks for it
import numpy as np
from sklearn.utils.estimator_checks import check_estimator

import wcdfa
from wcdfa.backends.sklearn import DFATransformer

warnings.simplefilter("ignore")
check_estimator(DFATransformer())
x = wcdfa.synthetic.white_noise(500, batch=(4,), seed=0)
transformer = DFATransformer(columns=("alpha", "low"))
assert np.array_equal(transformer.fit_transform(x)[:, 0], wcdfa.dfa(x).alpha)
assert list(transformer.get_feature_names_out()) == ["alpha", "low"]
