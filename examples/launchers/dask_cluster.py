"""Eight experiments at once, on the workers of a Dask cluster.

    python examples/launchers/dask_cluster.py

Each worker has one thread: several would share what they print; README.md tells more.
"""

from dask.distributed import LocalCluster
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
    with LocalCluster(n_workers=8, threads_per_worker=1, dashboard_address=None) as cluster:
        client = cluster.get_client()
        losses = client.gather(client.map(train, configs))
    print("best:", configs[losses.index(min(losses))])
