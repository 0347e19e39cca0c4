"""Sixteen trials of one Optuna study: eight processes, in each one trial after another.

    python examples/launchers/optuna_study.py

A trial knows its experiment by the user attribute `experiment`.
"""

import multiprocessing

import optuna
from meticulous import Experiment
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

STUDY = "minimum"


def objective(trial: optuna.Trial) -> float:
    config = {"lr": trial.suggest_float("lr", 0.01, 0.6), "steps": 20}
    with Experiment(config, description=f"trial {trial.number}") as experiment:
        weight = 4.0
        for step in range(config["steps"]):
            weight -= config["lr"] * 2 * weight
            print(f"lr {config['lr']}, step {step}: loss {weight**2:.3g}")
        experiment.summary({"loss": weight**2})
        trial.set_user_attr("experiment", experiment.experiment_id)
    return weight**2


def work(trials: int) -> None:
    load().optimize(objective, n_trials=trials)


def load() -> optuna.Study:
    storage = JournalStorage(JournalFileBackend("optuna.journal"))
    return optuna.create_study(study_name=STUDY, storage=storage, load_if_exists=True)


if __name__ == "__main__":
    load()
    with multiprocessing.get_context("spawn").Pool(8) as pool:
        pool.map(work, [2] * 8)
    print("best: experiment", load().best_trial.user_attrs["experiment"])
