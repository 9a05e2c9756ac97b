"""The exponents of heart beats."""
