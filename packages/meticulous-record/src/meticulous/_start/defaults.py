"""What a parser gives for every option that is not passed, learnt while it parses some other command line."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from types import MethodType, TracebackType
from typing import Any

from meticulous._disk.encode import JSON, encode

__all__ = ["Defaults", "all_parsers"]

_MAY_BE_EMPTY = (argparse.OPTIONAL, argparse.ZERO_OR_MORE, argparse.REMAINDER, argparse.SUPPRESS)


class Defaults:
    """The defaults of a parser: made before it parses, entered around its parsing, collected afterwards.

    They stand on the parser's actions, but for three things that only the parsing tells: what a default was
    before an action appended to it, which subcommands ran, and what a text default is converted to. That
    conversion is watched because it may not be repeatable: a `type` may make a directory, or a random name.
    """

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._parser = parser
        self._parsers = all_parsers(parser)
        self._ran: set[int] = set()
        self._converted: dict[int, Any] = {}
        self._before = {
            id(action): encode(action.default, action.dest)
            for each in self._parsers
            for action in each._actions
            if not isinstance(action.default, str)
        }

    def __enter__(self) -> Defaults:
        def parse(parser: Any, *args: Any, **kwargs: Any) -> Any:
            self._ran.add(id(parser))
            return type(parser)._parse_known_args(parser, *args, **kwargs)

        def convert(parser: Any, action: argparse.Action, text: str) -> Any:
            value = type(parser)._get_value(parser, action, text)
            if text is action.default:
                self._converted[id(action)] = value
            return value

        for parser in self._parsers:
            # Methods, so that a copy of the parser gets its own.
            watched = {
                "_parse_known_args": MethodType(parse, parser),
                "_get_value": MethodType(convert, parser),
            }
            vars(parser).update(watched)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for parser in self._parsers:
            del vars(parser)["_parse_known_args"], vars(parser)["_get_value"]

    def collect(self, encoded: Mapping[str, JSON]) -> dict[str, JSON]:
        """The defaults of all parsers that ran, laid out as the parsed and `encoded` arguments are."""
        result: dict[str, JSON] = {}
        self._collect(self._parser, encoded, result)
        return result

    def _collect(
        self, parser: argparse.ArgumentParser, encoded: Mapping[str, JSON], result: dict[str, JSON]
    ) -> None:
        own = self._own(parser)
        for dest, default in own.items():
            _put(result, dest, default, encoded)
        for name, subparser in _subparsers(parser):
            if id(subparser) in self._ran:
                values = encoded.get(name)
                if isinstance(values, dict) and name not in own:  # jsonargparse puts them below its name
                    nested: dict[str, JSON] = {}
                    self._collect(subparser, values, nested)
                    result[name] = nested
                else:  # argparse lets those of a subcommand override its parser's, defaults included
                    self._collect(subparser, encoded, result)
                return

    def _own(self, parser: argparse.ArgumentParser) -> dict[str, JSON]:
        """Those of `parser` without its subcommands, in the steps of `ArgumentParser.parse_args`."""
        actions = [action for action in parser._actions if action.dest is not argparse.SUPPRESS]
        required = {action.dest for action in actions if _is_required(action)}
        values: dict[str, Any] = {}
        for action in actions:
            if action.default is not argparse.SUPPRESS:
                values.setdefault(action.dest, self._before.get(id(action), action.default))
        for dest, value in parser._defaults.items():
            values.setdefault(dest, value)
        for action in actions:
            # A positional that is not passed is stored all the same, with nothing.
            if not action.option_strings and action.nargs == argparse.REMAINDER:
                values[action.dest] = []
            elif not action.option_strings and action.nargs in ("?", "*"):
                if action.nargs == "*" and action.default is None:
                    values[action.dest] = []
                elif action.default is not argparse.SUPPRESS:
                    values[action.dest] = self._before.get(id(action), action.default)
        typed = _typed_defaults(parser)
        for action in actions:
            converted = bool(action.option_strings) or action.nargs == argparse.OPTIONAL
            if converted and isinstance(action.default, str) and values.get(action.dest) is action.default:
                known = action.dest in typed
                values[action.dest] = typed[action.dest] if known else self._convert(parser, action)
        return {dest: encode(value, dest) for dest, value in values.items() if dest not in required}

    def _convert(self, parser: argparse.ArgumentParser, action: argparse.Action) -> Any:
        """A text default as its `type` makes it; argparse treats it like what one types."""
        if id(action) in self._converted:
            return self._converted[id(action)]
        if isinstance(action.type, argparse.FileType) and action.default != "-":
            return action.default  # to convert it is to open it; another file was asked for
        try:
            return parser._get_value(action, action.default)
        except (Exception, SystemExit):  # noqa: BLE001 - the script's own function refuses its own default
            return action.default


def _typed_defaults(parser: Any) -> Any:
    """Those of jsonargparse, which leaves texts on the actions and converts them by type hints elsewhere."""
    try:
        return parser.get_defaults() if hasattr(parser, "get_defaults") else {}
    except Exception:  # noqa: BLE001 - a default that its own type refuses
        return {}


def all_parsers(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """`parser` and those of its subcommands, and of theirs."""
    found = {id(parser): parser}
    for _, subparser in _subparsers(parser):
        found.update((id(each), each) for each in all_parsers(subparser))
    return list(found.values())


def _subparsers(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def _is_required(action: argparse.Action) -> bool:
    """Whether it always has to be passed; argparse also says so of positionals that may be empty."""
    required = action.required or getattr(action, "_required", False)  # where jsonargparse keeps it
    return required and (bool(action.option_strings) or action.nargs not in _MAY_BE_EMPTY)


def _put(result: dict[str, JSON], dest: str, default: JSON, encoded: Mapping[str, JSON]) -> None:
    """Enter `default` where the parsed value stands: parsers with nested results know it as `a.b`."""
    outer, dot, inner = dest.partition(".")
    values, nested = encoded.get(outer), result.get(outer, {})
    if dot and dest not in encoded and isinstance(values, dict) and isinstance(nested, dict):
        result[outer] = nested
        _put(nested, inner, default, values)
    else:
        result[dest] = default
