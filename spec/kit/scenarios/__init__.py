"""What a recorder is put through; each module enters its scenarios into the list."""

from scenarios import code, ends, places, resuming, runs, values
from scenarios.common import SCENARIOS

__all__ = ["SCENARIOS", "code", "ends", "places", "resuming", "runs", "values"]
