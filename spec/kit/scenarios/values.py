"""Scenarios of values: summaries, arguments, output. Standard library only."""

from __future__ import annotations

import re
from typing import Any

from watch import Watch

from scenarios.common import WAIT, replaced, say, scenario, summary
from scenarios.stage import Stage


@scenario("summary")
def summaries(stage: Stage) -> None:
    """Summaries, one after the other."""
    play = stage.start(
        summary(loss=0.5, epoch=1), WAIT, summary(loss=0.25), WAIT, summary(loss=0.125, done=True)
    )
    play.ready()
    found = stage.json("summary.json")
    stage.check("SUMMARY-1", "the first summary: summary.json", {"loss": 0.5, "epoch": 1}, found)
    watch = Watch(stage.experiments / "1")
    play.go()
    play.ready()
    found = stage.json("summary.json")
    stage.check("SUMMARY-1", "the second summary: summary.json", {"loss": 0.25}, found)
    play.go()
    play.end()
    replaced(stage, "a summary", watch.events())
    watch.close()
    last = {"loss": 0.125, "done": True}
    stage.check("SUMMARY-1", "the last summary: summary.json", last, stage.json("summary.json"))


@scenario("summary")
def an_empty_summary(stage: Stage) -> None:
    """A summary that holds nothing, and is one."""
    stage.run(summary(loss=0.5), summary())
    found = stage.bytes("summary.json")
    stage.check("SUMMARY-1", "an empty summary: summary.json", {}, found, (found or b"").split() == [b"{}"])


@scenario("types")
def odd_values(stage: Stage) -> None:
    """Numbers and texts that are not as usual."""
    odd = {
        "nan": {"$number": "NaN"},
        "up": {"$number": "Infinity"},
        "down": [{"$number": "-Infinity"}],
        "whole": 3,
        "other": 3.5,
        "tiny": 1e-9,
        "yes": True,
        "none": None,
        "empty": {},
        "list": [1, [2, {"a": "b"}]],
        "é ☕": 'naïve\n\t"\\ \u007f\u2028',
        "a.b": "",
        "z": "last",
        "a": "first",
    }
    said = {**odd, "nan": "NaN", "up": "Infinity", "down": ["-Infinity"]}
    play = stage.run(args=odd, defaults={})
    stage.check(
        "JSON-5",
        "odd values: args.json",
        {k: said[k] for k in ("nan", "up", "down")},
        {k: stage.json("args.json").get(k) for k in ("nan", "up", "down")},
    )
    stage.check(
        "ARGS-1", f"odd values: args.json ({play.errors.decode()[-200:]})", said, stage.json("args.json")
    )
    stage.check("JSON-9", "args.json: the order of keys", list(said), list(stage.json("args.json")))
    text = (stage.bytes("args.json") or b"").decode(errors="replace")
    stage.check("JSON-10", "args.json: the integer 3", '"whole": 3,', _line(text, "whole"))
    stage.check("JSON-8", "args.json: characters as they are", '"é ☕": "naïve', _line(text, "é ☕")[:13])


def _line(text: str, key: str) -> str:
    return next(
        (line.strip() for line in text.splitlines() if line.strip().startswith(f'"{key}"')), "no such line"
    )


@scenario("types")
def floats_that_are_whole(stage: Stage) -> None:
    """A floating-point number that is whole stays one."""
    stage.run(args={"scale": {"$number": "1.0"}}, defaults={})
    found = _line((stage.bytes("args.json") or b"").decode(errors="replace"), "scale")
    stage.check(
        "JSON-10",
        "args.json: the floating-point number 1",
        "a fraction or an exponent",
        found,
        re.search(r'"scale": 1(\.0+|\.?0*[eE][+-]?0+)$', found) is not None,
    )


@scenario("types", "integers")
def large_integers(stage: Stage) -> None:
    """Integers beyond what a double holds keep their digits."""
    large = {"seed": 2**64 - 1, "odd": 2**53 + 1, "entropy": -(10**38) - 1}
    stage.run(args=large, defaults={})
    text = (stage.bytes("args.json") or b"").decode(errors="replace")
    found = {key: _line(text, key).rstrip(",").partition(": ")[2] for key in large}
    stage.check("JSON-12", "large integers: args.json", {k: str(v) for k, v in large.items()}, found)


@scenario("surrogates")
def unpaired_surrogates(stage: Stage) -> None:
    """A key and a text for which UTF-8 has no form: the text of an escape stands for what has none."""
    stage.run(args={"pa\udc80th": "caf\udce9"}, defaults={})
    found = stage.bytes("args.json") or b""
    told = {"pa\\udc80th": "caf\\udce9"}
    stage.check("JSON-6", "unpaired surrogates: args.json", told, found, stage.json("args.json") == told)


@scenario("types")
def deep_values(stage: Stage) -> None:
    """A value of 300 levels: what is recorded of it, readers have to be able to read."""
    deep: Any = "the end"
    for _ in range(300):
        deep = [deep]
    stage.run(args={"deep": deep}, defaults={})
    stage.check(
        "ARGS-1",
        "a value of 300 levels: args.json",
        "something",
        None,
        bool(stage.json("args.json").get("deep")),
    )
    stage.report.held.add("JSON-11")  # which the look at the folder decides


@scenario("objects")
def objects(stage: Stage) -> None:
    """A value that JSON does not have, in two runs."""
    for _ in range(2):
        stage.run(args={"thing": {"$object": "a"}}, defaults={})
    first, second = (stage.json("args.json", name).get("thing") for name in ("1", "2"))
    stage.check(
        "ARGS-5",
        "a value that JSON does not have: args.json",
        "a text",
        first,
        bool(first) and isinstance(first, str),
    )
    stage.check("ARGS-5", "the same value in the second run: args.json", first, second)


@scenario()
def no_defaults(stage: Stage) -> None:
    """Defaults that nobody knows."""
    stage.run(defaults=None)
    stage.check("ARGS-4", "default_args.json", None, stage.bytes("default_args.json"))


@scenario("output")
def output(stage: Stage) -> None:
    """Odd output: what is in the file is what was shown, UTF-8 or not."""
    play = stage.run(
        say("10%\r100%\r\n"),
        say("\x1b[31mred\x1b[0m\x00\n"),
        {"do": "write", "to": "stdout", "hex": b"caf\xe9 \xe2\x98\n".hex()},
        say("no end", "stderr"),
        say("…"),
    )
    found = stage.bytes("stdout")
    stage.check("OUT-3", "odd output: stdout, as it was shown", play.shown, found)
    wanted = b"10%\r100%\r\n\x1b[31mred\x1b[0m\x00\ncaf\xe9 \xe2\x98\n\xe2\x80\xa6"
    stage.check("OUT-3", "odd output: stdout", wanted, found)
    stage.check("OUT-3", "odd output: stderr", b"no end", stage.bytes("stderr"))
