"""Eight experiments at once, as a job array of submitit's.

    python examples/launchers/submitit_array.py

They run on this machine; with `cluster="slurm"` on a cluster.
"""

import submitit
from meticulous import Experiment

DEFAULTS = {"lr": 0.1, "steps": 20}


def train(config: dict) -> float:
    with Experiment(config, DEFAULTS) as experiment:
        weight = 4.0
        for step in range(config["steps"]):
            weight -= config["lr"] * 2 * weight
            print(f"lr {config['lr']}, step {step}: loss {weight**2:.3g}")
        experiment.summary({"loss": weight**2})
    return weight**2


if __name__ == "__main__":
    configs = [{**DEFAULTS, "lr": 0.05 * number} for number in range(1, 9)]
    executor = submitit.AutoExecutor(folder="jobs", cluster="local")
    executor.update_parameters(timeout_min=5)
    losses = [job.result() for job in executor.map_array(train, configs)]
    print("best:", configs[losses.index(min(losses))])
