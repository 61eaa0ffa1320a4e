"""A figure as inline SVG: equal data give equal bytes, and no id or style reaches what stands beside it."""

import re
from xml.etree import ElementTree

LEFT_OUT = ("metadata", "style")  # who drew it and when; rules that would hold for the whole page
# text, grid and ground: light or dark
THEME = {"#262626": "var(--ink)", "#cccccc": "var(--line)", "#ffffff": "var(--paper)"}
INHERITED = "stroke-linejoin: round; stroke-linecap: butt"  # what matplotlib's style element says of every shape


def inline(drawing: bytes, *, name: str, title: str) -> str:
    """An SVG file as an element of a page.

    Args:
        drawing: the file.
        name: begins every id, so that two drawings on a page cannot clash.
        title: what a screen reader says in its place.
    """
    root = ElementTree.fromstring(drawing)
    for node in list(root.iter()):
        for child in [child for child in node if local(child.tag) in LEFT_OUT]:
            node.remove(child)
    for node in root.iter():
        node.tag = local(node.tag)
        node.attrib = {local(key): own(local(key), value, name) for key, value in node.attrib.items()}
    root.attrib |= {"role": "img", "aria-label": title, "style": INHERITED}
    return ElementTree.tostring(root, encoding="unicode")


def local(name: str) -> str:
    """A name without its namespace, which HTML knows by itself."""
    return name.rpartition("}")[2]


def own(key: str, value: str, name: str) -> str:
    """An attribute's value with the ids in it, and the references to ids, made the figure's own; greys, the page's."""
    if key == "id":
        return f"{name}-{value}"
    if key == "href":
        return re.sub("^#", f"#{name}-", value)
    for colour, variable in THEME.items():
        value = value.replace(colour, variable)
    return value.replace("url(#", f"url(#{name}-")
