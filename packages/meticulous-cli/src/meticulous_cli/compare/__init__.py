"""The comparison: `meticulous EXPERIMENT EXPERIMENT`."""
