"""What the page of the therapeutic window says first: what was done, and what its words mean."""

ABOUT = """\
A *Hebbian network* has no loss: each weight grows with the product of the activities that it connects, and decays. At 0 to 95
% of the steps, chosen at random, it is disturbed; these are the *perturbed steps*, the others are the *clean steps*. A
*setting* is one choice of size, rates, noise, strength and kind of perturbation, run with ten seeds. The kinds are *state*
(noise on the input), *reset* (a new random state), *weights* (noise on the weights) and *silent* (all activity set to zero).
A *trend with impulses* has no network and no learning: a falling exponential, jumps at the perturbed steps that die out, and
noise; what it shows too says nothing about networks. A share of an effect is computed only in settings where α falls by 0.3
or more, to 95 % of perturbed steps for the share at 2 %, to 40 % or 2 % for what clean steps keep, so each column of the
table has settings of its own. *Matching* settings have nearly the claimed α at both ends, 1.84 without perturbed steps and
0.80 at 95 %. α is the exponent with which the fluctuation F(s) of ‖ΔW‖ grows with the box size s ([what α
is](../what_alpha_is.md)); by the *definition of 0.1.0* it comes from the norms as they are, otherwise from their logarithms.
The *order* is the degree of the polynomial that is taken out of each box, so a trend that remains at order 1 is gone at order
2 or 3.\
"""
