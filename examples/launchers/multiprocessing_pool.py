"""Eight experiments at once, in the processes of a pool.

    python examples/launchers/multiprocessing_pool.py

Each experiment ends with its `with` block, and the worker goes on to the next.
"""

import multiprocessing

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
    with multiprocessing.get_context("spawn").Pool(8) as pool:
        losses = pool.map(train, configs)
    print("best:", configs[losses.index(min(losses))])
