"""Read folders of recorded experiments as Python objects and as one pandas DataFrame.

    from meticulous_read import Experiments

    experiments = Experiments("experiments")
    experiments["3"].summary
    experiments.as_dataframe()

It needs neither git nor the recorder, and imports pandas only when a frame is made.
"""

from meticulous_read._parse import Problem
from meticulous_read.errors import ExperimentNotFoundError, ExperimentsDirectoryError, MeticulousError
from meticulous_read.experiment import ExperimentReader
from meticulous_read.experiments import Experiments

__all__ = [
    "ExperimentNotFoundError",
    "ExperimentReader",
    "Experiments",
    "ExperimentsDirectoryError",
    "MeticulousError",
    "Problem",
]
