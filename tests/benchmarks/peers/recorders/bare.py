"""Nothing at all: what the script costs without a recorder."""

LABEL = "bare script"


def run(args, work):
    work(lambda values: None)
