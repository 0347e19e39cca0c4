"""MLflow with its file store, which it keeps for those who ask for it."""

import os
import shutil
from pathlib import Path

from .mlflow_sqlite import LISTING, PACKAGES, read, record, run

__all__ = ["LISTING", "PACKAGES", "fill", "read", "run"]

LABEL = "MLflow, files"
ENVIRONMENT = {
    "MLFLOW_ALLOW_FILE_STORE": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_TRACKING_URI": "./mlruns",
}
KEEPS = "arguments as text; how it ended; commit, branch and the script's name; the user; times"
WRITES = "`log_metric`: a line appended to a file"


def fill(args, count):
    """Copies of one that was recorded, with ids of their own."""
    run_id = record(args)
    source = next(Path("mlruns").glob(f"*/{run_id}"))
    about = (source / "meta.yaml").read_text()
    for _ in range(count - 1):
        new_id = os.urandom(16).hex()
        folder = shutil.copytree(source, source.parent / new_id)
        (folder / "meta.yaml").write_text(about.replace(run_id, new_id))
