"""Eight experiments at once, as a multirun of Hydra's with its joblib launcher.

    python examples/launchers/hydra_multirun.py --multirun lr=0.05,0.1,0.15,0.2,0.25,0.3,0.35,0.4

The configuration and the launcher are in hydra_multirun.yaml. With `hydra.job.chdir=true` each run has a
directory of its own, so the experiment is told where the project is.
"""

import hydra
from hydra.utils import get_original_cwd
from meticulous import Experiment
from omegaconf import DictConfig


@hydra.main(version_base=None, config_path=".", config_name="hydra_multirun")
def train(config: DictConfig) -> float:
    defaults = hydra.compose("hydra_multirun")
    with Experiment(config, defaults, project_directory=get_original_cwd()) as experiment:
        weight = 4.0
        for step in range(config.steps):
            weight -= config.lr * 2 * weight
            print(f"lr {config.lr}, step {step}: loss {weight**2:.3g}")
        experiment.summary({"loss": weight**2})
    return weight**2


if __name__ == "__main__":
    train()
