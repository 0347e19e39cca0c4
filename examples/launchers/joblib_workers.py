"""Eight experiments at once, in joblib's worker processes.

    python examples/launchers/joblib_workers.py

Threads (`prefer="threads"`) would share what they print; README.md tells more.
"""

from joblib import Parallel, delayed
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
    losses = Parallel(n_jobs=8)(delayed(train)(config) for config in configs)
    print("best:", configs[losses.index(min(losses))])
