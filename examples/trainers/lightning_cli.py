"""LightningCLI with its subcommands: where it would save its configuration, an experiment starts with it.

    python examples/trainers/lightning_cli.py fit --model.lr 0.05 --trainer.max_epochs 2

What Lightning prints before is not recorded.
"""

from contextlib import ExitStack

import torch
from lightning.pytorch import LightningModule, cli
from meticulous import Experiment


class Record(cli.SaveConfigCallback):
    block = ExitStack()  # sees how Lightning ends, after SIGTERM for one

    def save_config(self, trainer, model, stage):  # rank 0 calls it
        self.experiment = self.block.enter_context(Experiment(self.config, self.parser.get_defaults()))

    def on_fit_end(self, trainer, model):
        if trainer.is_global_zero:
            self.experiment.summary(trainer.callback_metrics)


class Model(LightningModule):
    def __init__(self, lr: float = 0.1):
        super().__init__()
        self.layer, self.lr = torch.nn.Linear(4, 1), lr

    def train_dataloader(self):
        return torch.utils.data.DataLoader(torch.randn(64, 4), batch_size=8, num_workers=2)

    def training_step(self, batch):
        self.log("loss", loss := (self.layer(batch) - batch.sum(1, keepdim=True)).square().mean())
        return loss

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), self.lr)


if __name__ == "__main__":
    with Record.block:
        cli.LightningCLI(Model, save_config_callback=Record, save_config_kwargs={"save_to_log_dir": False})
