"""What the page of regimes says first: what was done, and what its words mean."""

ABOUT = """\
A small ResNet and a small transformer were trained with four optimizers, and also on labels that are drawn at random at each
step, so that there is nothing to learn; all compare α of ‖ΔW‖ in windows of 500 steps ([what α is](../what_alpha_is.md)). The
author's *bands* of α are *ordered* (above 1.2), *critical* (0.8 to 1.2) and *disordered* (below 0.8); a window has a *regime*
if the whole interval of its α lies inside one band, and is *undecided* otherwise. The *null of the optimizer* is what the
same optimizer gives on gradients without memory: p says how unusual a window is beside it ([how to read a
verdict](../verdict.md)). *η²* is the share of the variance of a measure that a factor explains, such as the optimizer or the
labels. In full-batch training the *sharpness* is the largest eigenvalue of the Hessian, and rate × sharpness near 2 is the
*edge of stability*, where the steps begin to oscillate; the *cosine* is that between consecutive weight changes. The *order*
is the degree of the polynomial that is taken out of each box, and *vector α* is that of the weight changes themselves instead
of their norms.\
"""
