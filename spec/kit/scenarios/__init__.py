"""What a recorder is put through; each module enters its scenarios into the list."""

from scenarios import kills, places, resuming, runs, values
from scenarios.common import SCENARIOS

__all__ = ["SCENARIOS", "kills", "places", "resuming", "runs", "values"]
