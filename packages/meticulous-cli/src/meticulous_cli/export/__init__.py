"""Files: `meticulous --export`."""
