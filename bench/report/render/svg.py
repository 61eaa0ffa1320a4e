"""A figure as inline SVG: equal data give equal bytes, and no id or style reaches what stands beside it."""

import re
from xml.etree import ElementTree

LEFT_OUT = ("metadata", "style")  # who drew it and when; rules that would hold for the whole page
# the line that stands out, text, grid and ground: light or dark
THEME = {"#000000": "var(--ink)", "#262626": "var(--ink)", "#cccccc": "var(--line)", "#ffffff": "var(--paper)"}
INHERITED = "stroke-linejoin: round; stroke-linecap: butt"  # what matplotlib's style element says of every shape


def inline(drawing: bytes, *, name: str, title: str) -> str:
    """An SVG file as an element of a page, without what nobody sees: places to a hundredth of a point are enough.

    Args:
        drawing: the file.
        name: begins every id, so that two drawings on a page cannot clash.
        title: what a screen reader says in its place.
    """
    root = ElementTree.fromstring(drawing)
    for node in list(root.iter()):
        for child in [child for child in node if local(child.tag) in LEFT_OUT]:
            node.remove(child)
    used = {id for node in root.iter() for key, value in node.attrib.items() for id in referred(local(key), value)}
    for node in root.iter():
        node.tag = local(node.tag)
        kept = {local(key): value for key, value in node.attrib.items() if local(key) != "id" or value in used}
        node.attrib = {key: own(key, value, name) for key, value in kept.items()}
        node.text, node.tail = (text if text and text.strip() else None for text in (node.text, node.tail))
    root.attrib |= {"role": "img", "aria-label": title, "style": INHERITED}
    return ElementTree.tostring(root, encoding="unicode")


def local(name: str) -> str:
    """A name without its namespace, which HTML knows by itself."""
    return name.rpartition("}")[2]


def referred(key: str, value: str) -> list[str]:
    """The ids that an attribute refers to."""
    if key == "href":
        return [value.removeprefix("#")]
    return re.findall(r"url\(#(.*?)\)", value)


def own(key: str, value: str, name: str) -> str:
    """An attribute's value with the ids in it, and the references to ids, made the figure's own; greys, the page's."""
    if key == "id":
        return f"{name}-{value}"
    if key == "href":
        return re.sub("^#", f"#{name}-", value)
    if key in ("d", "x", "y", "transform", "points"):
        value = re.sub(r"\d+\.\d{3,}", lambda found: f"{float(found[0]):.2f}", re.sub(r"\s+", " ", value))
    for colour, variable in THEME.items():
        value = value.replace(colour, variable)
    return value.replace("url(#", f"url(#{name}-")
