"""Heart beats, and heartbeat-evoked potentials."""
