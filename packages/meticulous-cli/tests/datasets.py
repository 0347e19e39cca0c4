"""The folders of experiments that the screens are drawn of, each as a function that writes them."""

import json
import os
import random
import socket
import sys
from datetime import datetime, timedelta, timezone

# When all screens are looked at: a Thursday.
NOW = datetime(2026, 11, 26, 6, 17, 30, tzinfo=timezone.utc)
OOM = "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.50 GiB (GPU 0)"


def traceback(reason):
    return f'Traceback (most recent call last):\n  File "train.py", line 88, in <module>\n{reason}\n'


def write(folder, args, defaults, summary, status="SUCCESS", *, start, minutes=None, **metadata):
    """Write one experiment; it goes on if it took no minutes."""
    os.makedirs(folder)
    known = {
        "format-version": "1.0",
        "githead-sha": "8982198" + 33 * "0",
        "githead-message": "Train on digits",
        "description": "",
        "timestamp": start.isoformat(timespec="microseconds"),
        "start-time": start.isoformat(timespec="microseconds"),
        "command": ["train.py"],
    }
    if minutes is not None:
        end = start + timedelta(minutes=minutes)
        known["end-time"] = end.isoformat(timespec="microseconds")
    known |= {key.replace("_", "-"): value for key, value in metadata.items()}
    files = {"metadata": known, "args": args, "default_args": defaults, "summary": summary}
    for name, content in files.items():
        if content is not None:
            with open(os.path.join(folder, f"{name}.json"), "w") as file:
                json.dump(content, file, indent=4)
    with open(os.path.join(folder, "STATUS"), "w") as file:
        file.write(f"{status}\n")
    for name in ("stdout", "stderr"):
        with open(os.path.join(folder, name), "w"):
            pass


def gone():
    """Return what is recorded of a process on this machine that is gone."""
    process = {"hostname": socket.gethostname(), "pid": 4194305}
    if sys.platform != "linux":
        return process  # by its number: no system gives that high ones
    with open("/proc/sys/kernel/random/boot_id") as file:
        boot = file.read().strip()
    namespace = os.stat("/proc/self/ns/pid").st_ino
    return {**process, "process_start": f"linux:{boot}:{namespace}:1"}


def sweep(directory):
    """30 runs over learning rate, model and seed (a)."""
    random.seed(1)
    defaults = {"lr": 0.1, "model": "mlp", "seed": 0, "epochs": 10, "batch_size": 128}
    texts = ("sweep of learning rates, first batch", "warmup of 500 steps", "")
    number = 0
    for model in ("mlp", "resnet18", "transformer"):
        for lr in (0.0003, 0.001, 0.003, 0.01, 0.1):
            for seed in (0, 1):
                number += 1
                start = NOW - timedelta(minutes=(30 - number) * 51 + 41)
                loss = round(0.2 * random.random() + 0.03, 4)
                epoch, status, minutes = 10, "SUCCESS", random.randint(30, 60) / 60
                facts = {"description": texts[number % 3], "githead_sha": "a27f4ee" + 33 * "0"}
                if number < 15:
                    facts["githead_sha"] = "8982198" + 33 * "0"
                if number in (17, 20, 26):
                    reason = {17: OOM, 20: "ValueError: loss is nan", 26: ""}[number]
                    status = f"ERROR\n{traceback(reason)}" if reason else "ERROR\nsignal SIGTERM"
                    epoch = 3
                if number in (29, 30):
                    status, epoch, minutes = "RUNNING", 4, None
                    facts |= gone() if number == 29 else {"hostname": "node7"}
                summary = {
                    "epoch": epoch,
                    "train_loss": loss,
                    "val_loss": round(loss * 1.23456, 5),
                    "val_acc": round(1 - loss / 2, 4),
                }
                args = {"lr": lr, "model": model, "seed": seed, "epochs": 10, "batch_size": 128}
                write(
                    f"{directory}/{number}",
                    args,
                    defaults,
                    None if number == 26 else summary,
                    status,
                    start=start,
                    minutes=minutes,
                    **facts,
                )


def months(directory):
    """240 runs, 8 arguments that became 45, one of them renamed (b)."""
    random.seed(2)
    first = {
        "lr": 0.1,
        "seed": 0,
        "model": "resnet18",
        "weight_decay": 0.0,
        "n_epochs": 10,
        "batch_size": 128,
        "data": "/data/digits/train.npz",
        "workers": 4,
    }
    later = {
        60: {"amp": False},
        100: {"schedule": "none", "mixup": 0.0},
        140: {"ema": 0.0, "label_smoothing": 0.0},
        170: {"clip_grad": None, "dropout": 0.0},
    }
    chosen = {
        "amp": True,
        "schedule": "cosine",
        "mixup": 0.2,
        "ema": 0.9999,
        "label_smoothing": 0.1,
        "clip_grad": 1.0,
        "dropout": 0.1,
    }
    defaults = dict(first)
    for number in range(1, 241):
        defaults |= later.get(number, {})
        if number > 180:
            defaults |= {f"option_{place}": place for place in range(30)}
        if number == 200:
            defaults["epochs"] = defaults.pop("n_epochs")
        args = dict(defaults)
        args["lr"] = random.choice([0.0003, 0.001, 0.003, 0.01])
        args["seed"] = number % 5
        args["model"] = random.choice(["mlp", "resnet18", "vit_small_patch16_224"])
        args["weight_decay"] = random.choice([0.0, 0.0001])
        for name, value in chosen.items():
            if name in args and random.random() < 0.4:
                args[name] = value
        failed = number % 11 == 4
        loss = round(0.05 + random.random() / 2, 6)
        summary = {
            "loss": loss,
            "accuracy": round(1 - loss / 2, 6),
            "val_loss": loss * 1.1,
            "ece": loss / 30,
            "epoch": 10,
        }
        write(
            f"{directory}/{number}",
            args,
            defaults,
            None if failed else summary,
            f"ERROR\n{traceback(OOM)}" if failed else "SUCCESS",
            start=NOW - timedelta(hours=(240 - number) * 12 + 20),
            minutes=random.randint(20, 70),
            description=("", "after the padding fix", "for table 2 of the paper")[number % 3],
            githead_sha=f"{number // 20:07}" + 33 * "0",
        )


def nested(directory):
    """12 runs with a nested configuration and a nested summary (c)."""
    random.seed(3)
    defaults = {
        "model": {"name": "resnet", "depth": 18},
        "optim": {"name": "sgd", "lr": 0.1, "sched": {"kind": "cos", "warmup": 0}},
        "data": {"aug": {"mixup": 0.0}, "path": "/data"},
        "seed": 0,
        "extra": {},
    }
    for number in range(1, 13):
        args = json.loads(json.dumps(defaults))
        args["model"] = {"name": random.choice(["vit", "resnet"]), "depth": random.choice([6, 12, 18])}
        args["optim"]["name"] = random.choice(["sgd", "adam"])
        args["optim"]["lr"] = random.choice([0.0003, 0.001, 0.1])
        args["optim"]["sched"]["warmup"] = random.choice([0, 5])
        args["data"]["aug"]["mixup"] = random.choice([0, 0.2])
        args["seed"] = number % 2
        top = random.random() / 4 + 0.7
        summary = {
            "train": {"loss": round(1.6 - top, 4)},
            "val": {
                "loss": round(1.9 - top, 4),
                "acc": {"top1": round(top, 4), "top5": round(top / 2 + 0.5, 4)},
            },
            "best": {"epoch": random.randint(40, 90), "val.acc.top1": round(top + 0.004, 4)},
        }
        write(
            f"{directory}/{number}",
            args,
            defaults,
            summary,
            start=NOW - timedelta(hours=100 - number),
            minutes=60 + number,
        )


def thousand(directory):
    """8 runs of 1,000 arguments and 200 metrics (d)."""
    random.seed(4)
    defaults = {f"option_{place:03}": place for place in range(1000)}
    for number in range(1, 9):
        args = {name: value + (random.random() < 0.3) for name, value in defaults.items()}
        summary = {f"metric_{place:03}": round(random.random(), 4) for place in range(200)}
        write(
            f"{directory}/{number}",
            args,
            defaults,
            summary,
            start=NOW - timedelta(hours=9 - number),
            minutes=5,
        )


def first(directory):
    """One run, all arguments at their defaults (f)."""
    args = {"lr": 0.1, "hidden": 64}
    write(
        f"{directory}/1",
        args,
        args,
        {"loss": 0.41666, "accuracy": 0.89246},
        start=NOW - timedelta(minutes=1),
        minutes=0.7,
    )


def broken(directory):
    """Experiments with files that are missing or cut off, one of the tool of 2020, and stray folders (h)."""
    for number in range(1, 6):
        write(
            f"{directory}/{number}",
            {"lr": number / 10},
            {"lr": 9.0},
            {"loss": 0.4 / number},
            start=NOW - timedelta(days=9 - number),
            minutes=0.7,
        )
    with open(f"{directory}/2/args.json", "w") as file:
        file.write('{"lr": ')
    with open(f"{directory}/3/summary.json", "w"):
        pass
    os.remove(f"{directory}/4/STATUS")
    with open(f"{directory}/5/STATUS", "w") as file:
        file.write("DONE\n")
    os.makedirs(f"{directory}/old1")
    with open(f"{directory}/old1/metadata.json", "w") as file:
        json.dump(
            {
                "githead-sha": "8982198" + 33 * "0",
                "githead-message": "m",
                "description": "",
                "timestamp": "2020-03-01T10:00:00.000000",
                "start-time": "2020-03-01T10:00:00.000000",
                "end-time": "2020-03-01T10:01:00.000000",
            },
            file,
        )
    for name, content in (
        ("args.json", '{"lr": 0.5}'),
        ("default_args.json", '{"lr": 0.5}'),
        ("STATUS", "SUCCESS"),
    ):
        with open(f"{directory}/old1/{name}", "w") as file:
            file.write(content)
    for name in ("@eaDir", "__pycache__", "archive", "plots"):
        os.makedirs(f"{directory}/{name}")
