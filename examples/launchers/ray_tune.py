"""Eight experiments at once, as trials of Ray Tune.

    python examples/launchers/ray_tune.py

Ray starts each trial in a directory of its own, so the experiment is told where the project is.
"""

import os

import ray
from meticulous import Experiment
from ray import tune

DEFAULTS = {"lr": 0.1, "steps": 20}
PROJECT = os.getcwd()


def train(config: dict) -> dict:
    with Experiment(config, DEFAULTS, project_directory=PROJECT) as experiment:
        weight = 4.0
        for step in range(config["steps"]):
            weight -= config["lr"] * 2 * weight
            print(f"lr {config['lr']}, step {step}: loss {weight**2:.3g}")
        experiment.summary({"loss": weight**2})
    return {"loss": weight**2, "experiment": experiment.experiment_id}


if __name__ == "__main__":
    ray.init(num_cpus=8, include_dashboard=False)  # on a cluster: ray.init("auto")
    space = {**DEFAULTS, "lr": tune.grid_search([0.05 * number for number in range(1, 9)])}
    results = tune.Tuner(train, param_space=space).fit()
    print("best: experiment", results.get_best_result("loss", "min").metrics["experiment"])
