"""What the page of two transitions of grokking says first: what was done, and what its words mean."""

ABOUT = """\
A small network learned a + b modulo p from some of all pairs, and each arm differs from the author's training in one thing.
*Grokking* is the late step at which more than 90 % of the other pairs are right. The *second transition* is a fall of α below
1.2 that stays for three windows of 500 steps, at least 1,500 steps later, and the *gap* is the time between; a *slingshot* is
a sudden rise of the loss to five times its least value. The *floor of float32* is 2⁻²³: at a loss near it the softmax in
float32 has hardly any gradient left to give, so *float64 logits* computes only the loss in float64, and *rounded 17* and
*rounded 20* round the softmax to 2⁻¹⁷ and 2⁻²⁰. With *shuffled answers* there is nothing to grok; alarms in these runs are
what others are compared with. α is the exponent with which the fluctuation F(s) of ‖ΔW‖ grows with the box size s ([what α
is](../what_alpha_is.md)); by the *definition of 0.1.0* it comes from the norms as they are, otherwise from their logarithms.
The *order* is the degree of the polynomial that is taken out of each box, and *vector α* is that of the weight changes
themselves instead of their norms.\
"""
