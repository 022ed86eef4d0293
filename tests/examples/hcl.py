"""What the tests need of Terraform's language: its files as Python reads them, and the few expressions that the example has."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import hcl2

#: What python-hcl2 adds to a block.
_EXTRA = {"__is_block__", "__comments__", "__inline_comments__"}


def load(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Every block of a folder's files, by kind."""
    blocks: dict[str, list[dict[str, Any]]] = {}
    for file in sorted(folder.glob("*.tf")):
        with file.open() as text:
            for kind, found in _plain(hcl2.load(text)).items():
                blocks.setdefault(kind, []).extend(found)
    return blocks


def labelled(blocks: list[dict[str, Any]]) -> dict[str, Any]:
    """Blocks with labels, by their labels: `aws_security_group.mesh`, `members`."""
    found: dict[str, Any] = {}
    for block in blocks:
        (first, inner), = block.items()
        named = {f"{first}.{name}": body for name, body in inner.items()} if _is_labelled(inner) else {first: inner}
        assert not named.keys() & found.keys(), named.keys()
        found |= named
    return found


def _is_labelled(inner: dict[str, Any]) -> bool:
    return len(inner) == 1 and isinstance(next(iter(inner.values())), dict) and "type" not in inner


def _plain(value: Any) -> Any:
    """Without the parser's remarks, and without the quotes of keys."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key.strip('"'): _plain(item) for key, item in value.items() if key not in _EXTRA}
    return value


def value(expression: Any, **names: Any) -> Any:
    """The value of an expression: texts, templates, lists, objects, `for` in lists, and the functions below."""
    if not isinstance(expression, str):
        return expression
    if (inner := re.fullmatch(r"\$\{(.*)\}", expression, re.DOTALL)) and _closes(expression, 1) == len(expression) - 1:
        expression = inner[1]
    functions = {"join": str.join, "keys": list, "sort": sorted, "jsonencode": json.dumps, "file": str}
    return eval(_python(expression), {"__builtins__": {}} | functions | names)  # noqa: S307


def _python(text: str) -> str:
    """The same expression in Python."""
    texts: list[str] = []

    def kept(match: re.Match[str]) -> str:
        texts.append("f" + match[0].replace("${", "{") if "${" in match[0] else match[0])
        return f"\x00{len(texts) - 1}\x00"

    text = re.sub(r'"[^"]*"', kept, text)
    while found := re.search(r"\[\s*for (\w+) in ([^:]+?) : ", text):
        end = _closes(text, found.start())
        text = f"{text[: found.start()]}[({text[found.end() : end]}) for {found[1]} in {found[2]}{text[end:]}"
    text = re.sub(r"(?<=[{\s,])(\w+)\s*=\s*", r'"\1": ', text)
    return re.sub("\x00(\\d+)\x00", lambda match: texts[int(match[1])], text)


def _closes(text: str, opening: int) -> int:
    """Where the bracket is closed that is opened here."""
    depth = 0
    for place in range(opening, len(text)):
        depth += (text[place] in "[{(") - (text[place] in "]})")
        if depth == 0:
            return place
    raise ValueError(text[opening:])
