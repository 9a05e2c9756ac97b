"""torch: records ‖ΔW‖ of every step of an optimizer through its hooks, and measures ‖ΔW‖ of modules and tensors."""

from wcdfa.support.extras import needed

with needed("wcdfa.backends.torch", "wcdfa[torch]"):
    import torch  # noqa: F401 - fails here if it is missing

from wcdfa.backends.torch.handle import Handle
from wcdfa.backends.torch.hooks import attach
from wcdfa.backends.torch.norms import copied, delta_norm, group_norms, parameters_of
from wcdfa.backends.torch.sampling import direction_of, sampled

__all__ = ["Handle", "attach", "copied", "delta_norm", "direction_of", "group_norms", "parameters_of", "sampled"]
