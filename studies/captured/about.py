"""What the page of captured and against-self runs says first: what was done, and what its words mean."""

ABOUT = """\
A *captured* run learns well, but the wrong thing: wrong labels that it memorises, or a shortcut that only the training images
have. An *against-self* run trains on images that are changed to raise its own loss, by one step (*FGSM*) or three (*PGD*).
*Healthy* runs learn the right labels, without noise (*clean*) or with fresh noise of the named strength in each batch. The
*gain* of a step is how much it lowers the loss on held-out images with right labels, and the *mean gain* is below 0 where
training makes that loss worse. The *coupling* is the correlation of ‖ΔW‖ with the gain in boxes of 4, 16 and 64 steps after a
straight line is taken out; *coupled*, *uncoupled*, *negative* and *positive* are four rules that flag a run by it. The *plain
rule* flags a run whose whole held-out loss rose. *AUC* is the probability that a run of one arm has a higher value than a run
of the other; 0.5 is no difference, and 0 or 1 a complete one. α is the exponent of log ‖ΔW‖ ([what α
is](../what_alpha_is.md)); the *order* is the degree of the polynomial that is taken out of each box, and *vector α* is that
of the weight changes themselves.\
"""
