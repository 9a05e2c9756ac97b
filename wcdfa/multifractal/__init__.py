"""Many moments of F(s): the generalised exponents h(q) and the spectrum f(α), with intervals and nulls."""

from wcdfa.multifractal.mfdfa import mfdfa as mfdfa
from wcdfa.multifractal.result import Multifractal as Multifractal
