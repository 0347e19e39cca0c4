"""MLflow with its file store, which it keeps for those who ask for it."""

from .mlflow_sqlite import LISTING, PACKAGES, fill, read, run

__all__ = ["LISTING", "PACKAGES", "fill", "read", "run"]

LABEL = "MLflow, files"
ENVIRONMENT = {
    "MLFLOW_ALLOW_FILE_STORE": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_TRACKING_URI": "./mlruns",
}
WRITES = "`log_metric`: a line appended to a file"
