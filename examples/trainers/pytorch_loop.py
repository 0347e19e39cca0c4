"""PyTorch: the state after each epoch in the experiment's folder, so that training can go on there.

    python examples/trainers/pytorch_loop.py --lr 0.05

If it is killed, the same command with `--resume` goes on after the last epoch.
"""

import argparse
import os

import torch
from meticulous import Experiment

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--epochs", type=int, default=4)
    Experiment.add_argument_group(parser)
    with Experiment.from_parser(parser) as experiment:
        args = experiment.args
        data = torch.utils.data.DataLoader(torch.randn(64, 4), batch_size=8, num_workers=2)
        model = torch.nn.Linear(4, 1)
        optimizer = torch.optim.SGD(model.parameters(), args.lr)
        first, checkpoint = 0, experiment.path("checkpoint.pt")
        if os.path.exists(checkpoint):
            first, weights = torch.load(checkpoint)
            model.load_state_dict(weights)
        for epoch in range(first, args.epochs):
            for batch in data:
                loss = torch.nn.functional.mse_loss(model(batch), batch.sum(1, keepdim=True))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            print(f"epoch {epoch}: loss {loss.item():.3g}")
            torch.save((epoch + 1, model.state_dict()), checkpoint)
            experiment.summary({"loss": loss.item()})
