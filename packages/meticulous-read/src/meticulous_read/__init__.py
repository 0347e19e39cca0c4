"""Read folders of recorded experiments as Python objects and as one pandas DataFrame.

    from meticulous_read import Experiments

    experiments = Experiments("experiments")
    experiments["3"].summary
    experiments.as_dataframe()

It needs neither git nor the recorder, and imports pandas only when a frame is made.
"""

from meticulous_read.errors import ExperimentNotFoundError, ExperimentsDirectoryError, Problem, ReaderError
from meticulous_read.experiment import ExperimentReader
from meticulous_read.experiments import Experiments

__version__ = "0.2.0"

__all__ = [
    "ExperimentNotFoundError",
    "ExperimentReader",
    "Experiments",
    "ExperimentsDirectoryError",
    "Problem",
    "ReaderError",
]
