"""Record machine-learning experiments in plain folders, with nothing but files and git.

A script needs these lines:

    parser = argparse.ArgumentParser()
    ...
    Experiment.add_argument_group(parser)
    with Experiment.from_parser(parser) as experiment:
        train(experiment.args)
        experiment.summary({"accuracy": accuracy})
"""

from __future__ import annotations

import os
from typing import Any

from meticulous import errors
from meticulous.errors import *  # noqa: F403 - they are named there
from meticulous.experiment import Experiment

__version__ = "0.2.0"

__all__ = ["Experiment"]
__all__ += errors.__all__

# Another project has the distribution `meticulous`, with the same import name. This file is one of its own.
if os.path.exists(os.path.join(os.path.dirname(__file__), "_sources.py")):
    import warnings

    warnings.warn(
        "the distribution `meticulous`, another project's, lies in the same folder as meticulous-record: run "
        "`pip uninstall meticulous`, then install meticulous-record again with `--force-reinstall --no-deps`",
        stacklevel=2,
    )


def __getattr__(name: str) -> Any:
    """`Experiments` and `ExperimentReader` where meticulous-read is installed beside this package."""
    if name in ("Experiments", "ExperimentReader"):
        try:
            import meticulous_read
        except ModuleNotFoundError as error:
            raise ImportError(
                f"{name} reads recorded experiments and has a package of its own: pip install meticulous-read"
            ) from error
        return getattr(meticulous_read, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
