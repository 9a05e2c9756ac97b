"""What the page of hearts and evoked potentials says first: what was done, and what its words mean."""

ABOUT = """\
No network is trained here: α is measured on the *beat intervals* of healthy hearts, the times between successive heart beats,
because living systems are the analogy behind the bands of α. α is the exponent with which the fluctuation F(s) grows with the
box size s ([what α is](../what_alpha_is.md)); the field uses two, *α1* in boxes of 4 to 16 beats and *α2* in boxes of 16 to
64 beats. The *misfit* tests whether one exponent describes both ranges: a small p says that it does not. *ARFIMA* series have
one exponent, which is known, and *AR(1)* series, where each value is a share of the last plus noise, have none: with both we
tried whether intervals and p can be trusted. A *heartbeat-evoked potential* is what EEG shows from 0.2 to 0.6 seconds after a
heart beat, as one vector over channels and times.\
"""
