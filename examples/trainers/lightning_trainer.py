"""Lightning's Trainer: its log and checkpoints in the experiment's folder, its metrics in the summary.

    python examples/trainers/lightning_trainer.py --lr 0.05

With `devices=2` it is one experiment, too: rank 0 records.
"""

import argparse

import lightning
import torch
from lightning.pytorch.loggers import CSVLogger
from meticulous import Experiment


class Model(lightning.LightningModule):
    def __init__(self, lr):
        super().__init__()
        self.layer, self.lr = torch.nn.Linear(4, 1), lr

    def training_step(self, batch):
        loss = torch.nn.functional.mse_loss(self.layer(batch), batch.sum(1, keepdim=True))
        self.log("loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), self.lr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.1)
    Experiment.add_argument_group(parser)
    with Experiment.from_parser(parser) as experiment:
        data = torch.utils.data.DataLoader(torch.randn(64, 4), batch_size=8, num_workers=2)
        logger = CSVLogger(experiment.path("logs"), name="", version="")
        trainer = lightning.Trainer(max_epochs=2, accelerator="cpu", logger=logger, log_every_n_steps=4)
        trainer.fit(Model(experiment.args.lr), data)
        experiment.summary(trainer.callback_metrics)
