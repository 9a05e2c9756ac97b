"""Study 5: what comes before loss spikes and divergence."""
