"""MLflow with its SQLite store, which is its default."""

import contextlib
import os
import sqlite3
import time

LABEL = "MLflow, SQLite"
PACKAGES = ["mlflow"]
ENVIRONMENT = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_TRACKING_URI": "sqlite:///mlflow.db"}
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
    """Copies of one that was recorded: the rows of all tables that tell of it, with ids of their own."""
    run_id = record(args)
    new_ids = [os.urandom(16).hex() for _ in range(count - 1)]
    with contextlib.closing(sqlite3.connect("mlflow.db")) as database, database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            columns = [column for _, column, *_ in database.execute(f"PRAGMA table_info({table})")]
            if "run_uuid" in columns:
                copied = ", ".join("?" if column == "run_uuid" else column for column in columns)
                database.executemany(
                    f"INSERT INTO {table} SELECT {copied} FROM {table} WHERE run_uuid = '{run_id}'",
                    [(new_id,) for new_id in new_ids],
                )


def read():
    import mlflow

    return len(mlflow.search_runs(max_results=200_000))
