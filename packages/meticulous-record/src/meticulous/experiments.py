"""The reader's classes, under the name that the original tool gave them; they need meticulous-read."""

from meticulous import ExperimentReader, Experiments

__all__ = ["ExperimentReader", "Experiments"]
