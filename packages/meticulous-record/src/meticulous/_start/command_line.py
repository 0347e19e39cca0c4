"""A command line, parsed once, and what its parser would have made of none: learnt while it parses."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MethodType
from typing import Any, NamedTuple

from meticulous._disk.encode import JSON, encode, encode_object
from meticulous._start.options import (
    Options,
    add_options,
    is_option,
    set_defaults,
    take_options,
)
from meticulous.errors import ArgumentsError, ExperimentIdError, OptionsError, listed

__all__ = ["Parsed", "parse"]

_MAY_BE_EMPTY = (argparse.OPTIONAL, argparse.ZERO_OR_MORE, argparse.REMAINDER, argparse.SUPPRESS)


class Parsed(NamedTuple):
    """A parsed command line, divided."""

    args: Any
    """What the parser made, less the recorder's options."""
    encoded: dict[str, JSON]
    defaults: dict[str, JSON] | None
    options: Options


def parse(
    parser: argparse.ArgumentParser,
    arg_list: Sequence[str] | None,
    capture_defaults: bool,
    overrides: Mapping[str, Any],
) -> Parsed:
    """Parse the command line once, and learn while it parses what it would be without any option.

    `overrides` are new defaults: of the recorder's options, or of the script's own by their dest. Where both
    have a name, the recorder's is meant.

    Raises:
        ArgumentsError: `parser` is not argparse's, or what it made has no names.
        OptionsError: `overrides` names nothing there is, or contradicts itself.
        SystemExit: the command line is wrong, or contradicts itself or the overrides.
    """
    if not isinstance(parser, argparse.ArgumentParser):
        raise ArgumentsError(
            f"from_parser takes an argparse parser, not {type(parser).__name__}: it parses by itself. "
            "What is parsed already goes to Experiment(args)"
        )
    parsers = _all_parsers(parser)
    ours = {name: value for name, value in overrides.items() if name in Options._fields}
    otherwise = Options(**ours).check()
    _override(parsers, {name: value for name, value in overrides.items() if name not in Options._fields})
    # A script with subcommands may have given the options to those.
    having = [each for each in parsers if any(is_option(action.dest) for action in each._actions)] or [parser]
    for each in having:
        add_options(each, ours)
    defaults = _Defaults(parsers if capture_defaults else [])
    with defaults.watch():
        args = parser.parse_args() if arg_list is None else parser.parse_args(arg_list)
    args, found = take_options(args)
    options = otherwise._replace(**found)
    try:
        options.check()
    except (OptionsError, ExperimentIdError) as error:
        parser.error(str(error))
    encoded = encode_object(args, "the parsed arguments")
    return Parsed(args, encoded, defaults.collect(parser, encoded) if capture_defaults else None, options)


def _override(parsers: Sequence[argparse.ArgumentParser], defaults: Mapping[str, Any]) -> None:
    """Give the script's own arguments other defaults, in the parser or the subcommands that have them."""
    unknown = set(defaults).difference(*(set_defaults(each, defaults) for each in parsers))
    if unknown:
        names = listed(map(repr, sorted(unknown)))
        raise OptionsError(
            f"{names}: neither the parser nor the recorder has such an argument to give a default"
        )


class _Defaults:
    """The defaults of a parser: made before it parses, watching while it does, collected afterwards.

    The parser's actions have them, but for three things that only the parsing shows: what a default was
    before an action appended to it, which subcommands ran, and what a text default is converted to. That
    conversion is watched because it may not be repeatable: a `type` may make a directory, or a random name.
    """

    def __init__(self, parsers: Sequence[argparse.ArgumentParser]) -> None:
        self._parsers = parsers
        self._ran: set[int] = set()
        self._converted: dict[int, Any] = {}
        self._before = {
            id(action): encode(action.default, action.dest)
            for each in parsers
            for action in each._actions
            if not isinstance(action.default, str)
        }

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Listen to the parsers' own methods."""

        def parse(parser: Any, *args: Any, **kwargs: Any) -> Any:
            self._ran.add(id(parser))
            return type(parser)._parse_known_args(parser, *args, **kwargs)

        def convert(parser: Any, action: argparse.Action, text: str) -> Any:
            value = type(parser)._get_value(parser, action, text)
            if text is action.default:
                self._converted[id(action)] = value
            return value

        watched = {"_parse_known_args": parse, "_get_value": convert}
        for parser in self._parsers:
            # Methods, so that a copy of the parser gets its own.
            vars(parser).update({name: MethodType(method, parser) for name, method in watched.items()})
        try:
            yield
        finally:
            for parser in self._parsers:
                for name in watched:
                    del vars(parser)[name]

    def collect(self, parser: argparse.ArgumentParser, encoded: Mapping[str, JSON]) -> dict[str, JSON]:
        """Return the defaults of all parsers that ran, laid out as the parsed and `encoded` arguments are."""
        own = self._own(parser)
        result: dict[str, JSON] = {}
        for dest, default in own.items():
            _put(result, dest, default, encoded)
        for name, subparser in _subparsers(parser):
            if id(subparser) in self._ran:
                values = encoded.get(name)
                if isinstance(values, dict) and name not in own:  # jsonargparse puts them below its name
                    return {**result, name: self.collect(subparser, values)}
                # argparse lets those of a subcommand override its parser's, defaults included
                return {**result, **self.collect(subparser, encoded)}
        return result

    def _own(self, parser: argparse.ArgumentParser) -> dict[str, JSON]:
        """Return those of `parser` without its subcommands, as `parse_args` would leave them."""
        typed = _typed_defaults(parser)
        values: dict[str, Any] = {}
        for action in parser._actions:
            is_rest = action.nargs == argparse.REMAINDER and not action.option_strings
            if action.dest is argparse.SUPPRESS or (action.default is argparse.SUPPRESS and not is_rest):
                continue
            default = self._default(parser, action, typed)
            if action.option_strings or action.nargs not in ("?", "*", argparse.REMAINDER):
                values.setdefault(action.dest, default)  # of two with one dest the first counts
            else:
                values[action.dest] = default  # a positional is stored all the same, with nothing
        for dest, value in parser._defaults.items():
            values.setdefault(dest, value)
        left_out = {
            action.dest for action in parser._actions if _is_required(action) or is_option(action.dest)
        }
        return {dest: encode(value, dest) for dest, value in values.items() if dest not in left_out}

    def _default(
        self, parser: argparse.ArgumentParser, action: argparse.Action, typed: Mapping[str, Any]
    ) -> Any:
        """Return a default as argparse makes it: it treats a text like what one types."""
        text, is_positional = action.default, not action.option_strings
        if is_positional and (action.nargs == argparse.REMAINDER or (action.nargs == "*" and text is None)):
            return []
        if not isinstance(text, str):
            return self._before.get(id(action), text)
        if is_positional and action.nargs != argparse.OPTIONAL:
            return text
        if action.dest in typed:
            return typed[action.dest]
        if id(action) in self._converted:
            return self._converted[id(action)]
        if isinstance(action.type, argparse.FileType) and text != "-":
            return text  # to convert it is to open it; another file was asked for
        try:
            return parser._get_value(action, text)
        except (Exception, SystemExit):  # noqa: BLE001 - the script's own function refuses its own default
            return text


def _typed_defaults(parser: Any) -> Any:
    """Return those of jsonargparse, which leaves texts on the actions and converts them elsewhere."""
    try:
        return parser.get_defaults() if hasattr(parser, "get_defaults") else {}
    except Exception:  # noqa: BLE001 - a default that its own type refuses
        return {}


def _all_parsers(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """Return `parser` and those of its subcommands, and of theirs, once each."""
    found = {id(parser): parser}
    for _, subparser in _subparsers(parser):
        found.update((id(each), each) for each in _all_parsers(subparser))
    return list(found.values())


def _subparsers(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def _is_required(action: argparse.Action) -> bool:
    """Return whether it has to be passed; argparse also says so of positionals that may be empty."""
    required = action.required or getattr(action, "_required", False)  # where jsonargparse keeps it
    return required and (bool(action.option_strings) or action.nargs not in _MAY_BE_EMPTY)


def _put(result: dict[str, JSON], dest: str, default: JSON, encoded: Mapping[str, JSON]) -> None:
    """Enter `default` where the parsed value is: parsers with nested results know it as `a.b`."""
    outer, dot, inner = dest.partition(".")
    values, nested = encoded.get(outer), result.get(outer, {})
    if dot and dest not in encoded and isinstance(values, dict) and isinstance(nested, dict):
        result[outer] = nested
        _put(nested, inner, default, values)
    else:
        result[dest] = default
