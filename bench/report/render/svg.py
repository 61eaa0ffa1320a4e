"""A figure as inline SVG: equal data give equal bytes, and no id or style reaches what stands beside it."""

import math
import re
from collections import defaultdict
from functools import cache
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

import numpy as np
from jaxtyping import Float

LEFT_OUT = ("metadata", "style")  # who drew it and when; rules that would hold for the whole page
# the line that stands out, text, grid and ground: light or dark
THEME = {"#000000": "var(--ink)", "#262626": "var(--ink)", "#cccccc": "var(--line)", "#ffffff": "var(--paper)"}
INHERITED = "stroke-linejoin:round;stroke-linecap:butt"  # what matplotlib's style element says of every shape
UPRIGHT = re.compile(r"rotate\(-?0 .*?\)")
MANY = 16  # points, from which a line is drawn by its steps
UNSEEN = 0.2  # points, a quarter of a pixel and a fifth of a line's width

Points = Float[np.ndarray, "point 2"]


def inline(drawing: bytes, *, name: str, title: str) -> str:
    """An SVG file as an element of a page, without what nobody sees: places to a hundredth of a point are enough.

    Args:
        drawing: the file.
        name: begins every id and class, so that two drawings on a page cannot clash.
        title: what a screen reader says in its place.
    """
    root = fromstring(drawing)
    for node in list(root.iter()):
        for child in [child for child in node if local(child.tag) in LEFT_OUT]:
            node.remove(child)
    names: dict[str, str] = defaultdict(lambda: f"{name}-{len(names)}")  # of ids and of styles
    used = {id for node in root.iter() for key, value in node.attrib.items() for id in referred(local(key), value)}
    for node in root.iter():
        node.tag = local(node.tag)
        node.attrib = attributes(node.attrib, used, names)
        node.text, node.tail = (text if text and text.strip() else None for text in (node.text, node.tail))
    flatten(root)
    join_marks(root, names)
    rules = ""
    for node in root.iter():
        if style := node.attrib.pop("style", ""):
            rules += "" if style in names else f".{names[style]}{{{style}}}"
            node.set("class", names[style])
    root.attrib |= {"role": "img", "aria-label": title, "style": INHERITED}
    if rules:
        root.insert(0, Element("style"))
        root[0].text = rules
    return tostring(root, encoding="unicode").replace(" />", "/>")


def local(name: str) -> str:
    """A name without its namespace, which HTML knows by itself."""
    return name.rpartition("}")[2]


def referred(key: str, value: str) -> list[str]:
    """The ids that an attribute refers to."""
    if key == "href":
        return [value.removeprefix("#")]
    return re.findall(r"url\(#(.*?)\)", value)


def attributes(found: dict[str, str], used: set[str], names: dict[str, str]) -> dict[str, str]:
    """The attributes of an element as the page has them; what cuts its edges off is a part of its style."""
    kept = {local(key): value for key, value in found.items()}
    if kept.get("id") not in used:
        kept.pop("id", None)
    if UPRIGHT.fullmatch(kept.get("transform", "")):
        del kept["transform"]
    if clip := kept.pop("clip-path", ""):
        kept["style"] = ";".join(filter(None, (kept.get("style"), f"clip-path:{clip}")))
    return {key: own(key, value, names) for key, value in kept.items()}


def own(key: str, value: str, names: dict[str, str]) -> str:
    """An attribute's value with the ids in it made the figure's own, places rounded, and greys the page's."""
    if key == "id":
        return names[value]
    if key == "href":
        return f"#{names[value.removeprefix('#')]}"
    if key == "d":
        return path(value)
    if key in ("x", "y", "transform", "points"):
        return rounded(value)
    if key == "style":
        value = themed(value)
    return re.sub(r"url\(#(.*?)\)", lambda found: f"url(#{names[found[1]]})", value) if "url(" in value else value


@cache
def themed(style: str) -> str:
    """Without spaces, its greys the page's."""
    style = re.sub(r"\s*([:;,])\s*", r"\1", style)
    for colour, variable in THEME.items():
        style = style.replace(colour, variable)
    return style


def rounded(value: str) -> str:
    """Places to a hundredth, without spaces and zeros that say nothing."""
    found = re.sub(r"-?\d+\.\d+", lambda found: number(float(found[0])), value)
    return re.sub(r"\s*([A-Za-z])\s*(?!\()", r"\1", found).strip() if "(" not in found else found


def number(value: float, places: int = 2) -> str:
    text = f"{value:.{places}f}".rstrip("0").rstrip(".")
    if text in ("-0", ""):
        return "0"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def path(value: str) -> str:
    """A path; one open line of many points by its steps, the points left out that nobody misses."""
    places = [float(place) for place in re.findall(r"-?[\d.]+", value)]
    if re.sub(r"[^A-Za-z]", "", value).lstrip("M").strip("L") or value.count("M") > 1 or len(places) < 2 * MANY:
        return rounded(value)
    points = np.array(places).reshape(-1, 2)
    return steps(points[bends(points)])


def steps(points: Points) -> str:
    """A line from point to point, in tenths."""
    tenths = np.round(10 * points).astype(int)
    start = " ".join(number(place / 10, 1) for place in tenths[0])
    between = " ".join(number(step / 10, 1) for step in np.diff(tenths, axis=0).ravel())
    return f"M{start}l{between.replace(' -', '-')}"


def bends(points: Points) -> list[int]:
    """The places of the points between which a line may be drawn straight: the others are within UNSEEN of it.

    Douglas and Peucker's way: what is furthest from the straight line parts it in two, as long as that is too far.
    """
    kept, parts = {0, len(points) - 1}, [(0, len(points) - 1)]
    while parts:
        first, last = parts.pop()
        if last - first < 2:
            continue
        between, (x, y) = points[first + 1 : last] - points[first], points[last] - points[first]
        away = np.abs(between[:, 0] * y - between[:, 1] * x) / (math.hypot(x, y) or 1)
        furthest = int(away.argmax())
        if away[furthest] > UNSEEN:
            place = first + 1 + furthest
            kept.add(place)
            parts += [(first, place), (place, last)]
    return sorted(kept)


def flatten(node: Element) -> None:
    """Take away groups that say nothing, and what is empty."""
    for child in list(node):
        flatten(child)
        if child.tag in ("g", "defs") and not len(child) or child.tag == "g" and not child.attrib:
            place = list(node).index(child)
            node[place : place + 1] = list(child)


def join_marks(root: Element, names: dict[str, str]) -> None:
    """Several marks of one look become a line that is not drawn, with a marker at each of its points."""
    known = set()
    for group in list(root.iter("g")):
        looks = {(mark.tag, mark.get("href"), mark.get("style", "")) for mark in group}
        if len(group) < 2 or len(looks) > 1 or group[0].tag != "use":
            continue
        _, href, look = looks.pop()
        points = np.array([[float(mark.get(side)) for side in ("x", "y")] for mark in group])
        group[:] = []
        if (href, look) not in known:
            more = {"markerUnits": "userSpaceOnUse", "overflow": "visible", "id": names[f"{href} {look}"]}
            SubElement(SubElement(group, "marker", more), "use", {"href": href, "style": look})
        known.add((href, look))
        style = f"fill:none;stroke:none;marker:url(#{names[f'{href} {look}']})"
        SubElement(group, "path", {"d": steps(points), "style": style})
