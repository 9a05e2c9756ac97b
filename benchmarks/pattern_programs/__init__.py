"""Small whole programs, written in the style of public ones. What they need to be recorded is marked with ``# wcdfa``."""
