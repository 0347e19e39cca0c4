"""The validator: `meticulous --validate`."""
