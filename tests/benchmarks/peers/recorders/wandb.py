"""Weights & Biases, offline."""

LABEL = "W&B, offline"
PACKAGES = ["wandb"]
ENVIRONMENT = {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false"}
CAPTURES = True
KEEPS = (
    "arguments; output; how it ended; the commit; command line, host, hardware and its load, "
    "installed packages; times"
)
WRITES = "`log`: handed to another process, which appends"
UNREAD = "no reader without an upload"


def run(args, work):
    import wandb

    with wandb.init(project="benchmark", config=args) as experiment:
        work(experiment.log)
