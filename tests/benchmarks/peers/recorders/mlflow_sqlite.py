"""MLflow with its SQLite store, which is its default."""

import time

from ._rows import copy_run

LABEL = "MLflow, SQLite"
PACKAGES = ["mlflow"]
ENVIRONMENT = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_TRACKING_URI": "sqlite:///mlflow.db"}
KEEPS = "the same"
WRITES = "`log_metric`: one transaction that adds a row"
LISTING = ["mlflow", "runs", "list", "--experiment-id", "0"]


def run(args, work):
    import mlflow

    with mlflow.start_run():
        mlflow.log_params(args)
        work(mlflow.log_metrics)


def record(args):
    """By the client: a run, a batch of all its parameters and its metric, an end; return its id."""
    import mlflow
    from mlflow.entities import Metric, Param

    client = mlflow.MlflowClient()
    run_id = client.create_run("0").info.run_id
    params = [Param(name, str(value)) for name, value in args.items()]
    client.log_batch(run_id, [Metric("loss", 0.5, int(1000 * time.time()), 0)], params)
    client.set_terminated(run_id)
    return run_id


def fill(args, count):
    """Copies of one that was recorded."""
    copy_run("mlflow.db", record(args), count - 1, renamed=["run_uuid"])


def read():
    import mlflow

    return len(mlflow.search_runs(max_results=200_000))
