"""What the page of plasticity and corrections says first: what was done, and what its words mean."""

ABOUT = """\
Small networks learned one task after another, 80 in all, and a network has a *loss of plasticity* if it can no longer learn
new ones; an *arm* is one choice of tasks, optimizer and rate. A *renewed* network gets a little of fresh random weights
before each task and stays healthy. A task is *lost* if the loss stays at 90 % or more of the way from the first tasks to
guessing, and *learned* below 25 %. In other runs all labels are wrong at first and then corrected, and the time to learn this
*correction* is measured. *The author's α* is that of version 0.1.0, from the norms ‖ΔW‖ as they are ([what α
is](../what_alpha_is.md)); α of log norms has an *order*, the degree of the polynomial that is taken out of each box, and
*vector α* is that of the weight changes themselves. The *sealed band* is α above 1.5; the other bands are *ordered* (1.2 to
1.5), *critical* (0.8 to 1.2) and *disordered* (below 0.8). The *update ratio* is ‖ΔW‖ relative to ‖W‖, on a logarithmic
scale. A *partial correlation* is that of ranks after what is already known is taken out, and a *gain in R²* is how much
better runs are predicted that were held out.\
"""
