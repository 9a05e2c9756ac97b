"""From F(s) to α, its interval and its p-value: moments, calibrations, estimators."""
