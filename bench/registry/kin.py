"""Finds what a model of ours imports of another one: that code is a part of its key, too."""

import dataclasses
import re
from pathlib import Path

from bench.registry.source import OUR_PACKAGES, Card, imported, parse, read_text


def with_kin(card: Card, path: Path) -> Card:
    """Add to the code of ``card``, whose file or package in ours is ``path``, that of the other models that it imports,
    directly or not. None of ours does, so the syntax trees are searched only where a line of the text looks like it."""
    others = rf"^\s*(?:from\s+\.|(?:from|import)\s.*\b(?:{'|'.join(OUR_PACKAGES)})\b(?!\.{path.stem}\b))"
    if not any(re.search(others, text, re.MULTILINE) for text in card.code):
        return card
    own = [path] if path.suffix == ".py" else sorted(path.rglob("*.py"))
    texts, waiting = {}, list(own)
    while waiting:
        file = waiting.pop()
        texts[file] = read_text(file)
        waiting += [child for child in imported(parse(texts[file], file), file, ()) if child not in texts]
    code = (*card.code, *(texts[file] for file in sorted(texts.keys() - set(own))))
    return dataclasses.replace(card, code=code)
