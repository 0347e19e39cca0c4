import re

DEFAULTS = {"lr": 0.1, "hidden": 64, "optimizer": "sgd", "epochs": 10}


def test_the_screen_in_the_readme_is_what_the_command_prints(make, screen, readme):
    first, second = "4f9c01b" + "0" * 33, "a07c83e" + "0" * 33
    runs = [
        ({}, {"loss": 0.41666, "accuracy": 0.89246}, "10:00:00", "10:00:42", first),
        ({"hidden": 128}, {"loss": 0.29032, "accuracy": 0.92168}, "10:05:00", "10:06:10", first),
        ({"lr": 10.0, "hidden": 128}, {"loss": "NaN"}, "10:20:00", "10:20:17", first),
        (
            {"lr": 0.001, "hidden": 128, "optimizer": "adam"},
            {"loss": 0.10417, "accuracy": 0.96893},
            "11:02:00",
            "11:03:12",
            second,
        ),
    ]
    for number, (args, summary, start, end, sha) in enumerate(runs, 1):
        make(
            str(number),
            {**DEFAULTS, **args},
            summary,
            "ERROR\nexit code 1\n" if number == 3 else "SUCCESS\n",
            DEFAULTS,
            start_time=f"2024-11-23T{start}Z",
            end_time=f"2024-11-23T{end}Z",
            githead_sha=sha,
        )
    (shown,) = re.findall(r"```\n\$ meticulous\n(.*?)```", readme, re.DOTALL)
    assert screen(columns=100, NO_COLOR="1") == shown
