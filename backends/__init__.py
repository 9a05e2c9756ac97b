"""One small file for each framework: parameters in, ‖ΔW‖ out. Importing one imports its framework; this package imports none."""
