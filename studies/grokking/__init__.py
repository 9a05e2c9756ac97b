"""Study 1: the two transitions of grokking."""
