"""Write API.md of each package from its docstrings, or the command's from its help.

    uv run .ci/api_pages.py

A test holds that the pages are current.
"""

from __future__ import annotations

import re
from pathlib import Path

import griffe
from griffe import ParameterKind as Kind
from meticulous_cli.options import HELP

PACKAGES = Path(__file__).parent.parent / "packages"
IMPORTS = {"meticulous-record": "meticulous", "meticulous-read": "meticulous_read"}
MADE = "*Made from the docstrings by `.ci/api_pages.py`.*"
TITLES = {"parameters": "Arguments", "attributes": "Attributes", "raises": "Raises"}
STARS = {Kind.var_positional: "*", Kind.var_keyword: "**"}
WIDTH = 90
HELP_PAGE = """\
# The command

*Made from `meticulous --help` by `.ci/api_pages.py`.* It has no Python API: programs use `meticulous_read`.

```
{}
```
"""


def pages() -> dict[Path, str]:
    """Return the text of each page, by its path."""
    made = {package: _page(package, name) for package, name in IMPORTS.items()}
    made["meticulous-cli"] = HELP_PAGE.format(HELP.strip())
    return {PACKAGES / package / "API.md": text for package, text in made.items()}


def _page(package: str, name: str) -> str:
    source = str(PACKAGES / package / "src")
    module = griffe.load(name, search_paths=[source], docstring_parser="google")
    found = {each: module[each].final_target for each in map(str, module.exports or [])}
    # First those that the package's own docstring shows.
    classes = [each for each in found.values() if not _is_error(each)]
    classes.sort(key=lambda each: f" {each.name}(" not in module.docstring.value)
    errors = sorted(filter(_is_error, found.values()), key=lambda each: each.lineno)
    links = [f"[{each.name}](#{each.name.lower()})" for each in classes]
    lines = [
        f"# API of {package}",
        MADE,
        _text(module.docstring.value),
        " · ".join([*links, "[Errors](#errors)"]),
    ]
    for each in classes:
        lines += _class(each)
    return "\n\n".join([*lines, "## Errors", "\n".join(map(_error, errors))]) + "\n"


def _is_error(each: griffe.Class) -> bool:
    return each.name.endswith(("Error", "Exception"))


def _class(each: griffe.Class) -> list[str]:
    call = each.members.get("__init__")
    members = [it for name, it in each.members.items() if it.docstring and not name.startswith("_")]
    fields = "\n".join(map(_field, (it for it in members if it.is_attribute)))
    lines = [f"## {each.name}", *([_signature(each.name, call)] if call else []), *_docstring(each)]
    lines += [f"**Attributes**\n\n{fields}"] if fields else []
    for it in members:
        if it.is_function:
            prefix = "" if {"classmethod", "staticmethod"}.isdisjoint(it.labels) else f"{each.name}."
            lines += [f"### {it.name}", _signature(prefix + it.name, it), *_docstring(it)]
    return lines


def _field(each: griffe.Attribute) -> str:
    """Return an attribute, or a property, as an item of a list."""
    return f"- `{each.name}` (`{each.annotation}`): {_one_line(each.docstring.value)}"


def _signature(name: str, function: griffe.Function) -> str:
    words = []
    for each in function.parameters:
        if each.kind is Kind.keyword_only and "*" not in words:  # nothing here takes *args
            words.append("*")
        word = f"{STARS.get(each.kind, '')}{each.name}: {each.annotation}"
        if each.name not in ("self", "cls"):
            words.append(word if each.required or each.kind in STARS else f"{word} = {each.default}")
    end = f" -> {function.returns}" if function.name != "__init__" else ""
    line = f"{name}({', '.join(words)}){end}"
    if len(line) > WIDTH:
        line = f"{name}(\n" + "".join(f"    {word},\n" for word in words) + f"){end}"
    return "```python\n" + line.replace("'", '"') + "\n```"


def _docstring(each: griffe.Object) -> list[str]:
    lines = []
    for section in each.docstring.parsed:
        if section.kind.value == "text":
            lines.append(_text(section.value))
        else:
            items = "\n".join(map(_item, section.value))
            lines.append(f"**{TITLES[section.kind.value]}**\n\n{items}")
    return lines


def _item(item: griffe.DocstringElement) -> str:
    name = getattr(item, "name", None) or str(item.annotation)
    names = ", ".join(f"`{each}`" for each in name.strip("()").split(", "))
    return f"- {names}: {_one_line(item.description)}"


def _error(each: griffe.Class) -> str:
    bases = ", ".join(f"`{base}`" for base in each.bases)
    text, *sections = each.docstring.parsed
    items = [f"\n  {_item(item)}" for section in sections for item in section.value]
    return f"- **`{each.name}`** ({bases}): {_one_line(text.value)}{''.join(items)}"


def _text(text: str) -> str:
    """Return each paragraph as one line, and indented code as a block."""
    paragraphs: list[str] = []
    for each in text.strip("\n").split("\n\n"):
        if each.startswith("    ") and paragraphs and paragraphs[-1].startswith("    "):
            paragraphs[-1] += f"\n\n{each}"
        else:
            paragraphs.append(each)
    return "\n\n".join(map(_paragraph, paragraphs))


def _paragraph(text: str) -> str:
    if text.startswith("    "):
        return "```python\n" + re.sub(r"^ {4}", "", text, flags=re.MULTILINE) + "\n```"
    return _one_line(text)


def _one_line(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, "utf-8")
