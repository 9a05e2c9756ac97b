"""What an α is worth: regimes, drifts, findings, and the verdict on each window."""
