"""What the page of instability says first: what was done, and what its words mean."""

ABOUT = """\
Three small networks were trained with Adam at rates high enough for loss spikes, in float32 and with weights rounded to 4
bits, and for each spike we asked what had stood out before. A *spike* begins where the loss exceeds its last 100 steps by 3.2
standard deviations, after 50 quiet steps. An *alarm* begins where a statistic, relative to its own last 100 steps, reaches a
threshold; the threshold gives one alarm in 1,000 steps of stable runs. A spike is *preceded* if an alarm begins 1 to 50 steps
before it; *chance* is the same share for spike times moved at random, and the *excess* is the difference. *Placement* needs
no threshold: it is the share of calm stretches of 50 steps that stand out less than the 50 steps before a spike, and 0.5 is
chance. The *RMS rule* gives an alarm if the root mean square of Adam's update of the first layer, before the learning rate,
is 2.3 or more. In a *ramp* the learning rate grows until training fails for good, and the lead is from the alarm to that
failure. α is the exponent of ‖ΔW‖ in the last 500 or 128 steps ([what α is](../what_alpha_is.md)).\
"""
