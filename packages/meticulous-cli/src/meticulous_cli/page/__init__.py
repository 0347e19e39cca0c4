"""The page: `meticulous EXPERIMENT`."""
