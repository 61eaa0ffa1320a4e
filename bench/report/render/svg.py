"""Turns a figure into inline SVG: equal data give equal bytes, and its ids and styles affect nothing else on a page."""

import math
import re
from collections import defaultdict
from functools import cache
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

import numpy as np
from jaxtyping import Float

LEFT_OUT = ("metadata", "style")  # the tool and date of the drawing; rules that would affect the whole page
# the page's light or dark colours for the line that stands out, the text, the grid and the background
THEME = {"#000000": "var(--ink)", "#262626": "var(--ink)", "#cccccc": "var(--line)", "#ffffff": "var(--paper)"}
INHERITED = "stroke-linejoin:round;stroke-linecap:butt"  # matplotlib's style element sets these for every shape
UPRIGHT = re.compile(r"rotate\(-?0 .*?\)")
MANY = 16  # a line of at least so many points is simplified and drawn by its steps
UNSEEN = 0.2  # a distance in points (1/72 inch) that nobody sees: a quarter of a pixel, a fifth of a line's width

Points = Float[np.ndarray, "point 2"]


def inline(drawing: bytes, *, name: str, title: str) -> str:
    """Return an SVG file as an element of a page, without invisible parts and rounded to a hundredth of a point.

    Every id and class begins with ``name``, so that two drawings on a page cannot clash; a screen reader reads the
    ``title``.
    """
    root = fromstring(drawing)
    for node in list(root.iter()):
        for child in [child for child in node if local(child.tag) in LEFT_OUT]:
            node.remove(child)
    names: dict[str, str] = defaultdict(lambda: f"{name}-{len(names)}")  # short names of ids and styles, by first use
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
    """Return a name without its namespace, which HTML does not need."""
    return name.rpartition("}")[2]


def referred(key: str, value: str) -> list[str]:
    """Return the ids that an attribute refers to."""
    if key == "href":
        return [value.removeprefix("#")]
    return re.findall(r"url\(#(.*?)\)", value)


def attributes(given: dict[str, str], used: set[str], names: dict[str, str]) -> dict[str, str]:
    """Return the attributes of an element for the page; a clip path becomes a part of the style."""
    needed = {local(key): value for key, value in given.items()}
    if needed.get("id") not in used:
        needed.pop("id", None)
    if UPRIGHT.fullmatch(needed.get("transform", "")):
        del needed["transform"]
    if clip := needed.pop("clip-path", ""):
        needed["style"] = ";".join(filter(None, (needed.get("style"), f"clip-path:{clip}")))
    return {key: adapted(key, value, names) for key, value in needed.items()}


def adapted(key: str, value: str, names: dict[str, str]) -> str:
    """Return an attribute's value with ids unique to the figure, rounded coordinates, and the page's greys."""
    if key == "id":
        return names[value]
    if key == "href":
        return f"#{names[value.removeprefix('#')]}"
    if key == "d":
        return path(value)
    if key in ("x", "y", "transform"):
        return rounded(value)
    if key == "style":
        value = themed(value)
    return re.sub(r"url\(#(.*?)\)", lambda match: f"url(#{names[match[1]]})", value)


@cache
def themed(style: str) -> str:
    """Return ``style`` without spaces and with the page's greys."""
    style = re.sub(r"\s*([:;,])\s*", r"\1", style)
    for colour, variable in THEME.items():
        style = style.replace(colour, variable)
    return style


def rounded(value: str) -> str:
    """Return coordinates rounded to a hundredth, without needless spaces and zeros."""
    short = re.sub(r"-?\d+\.\d+", lambda match: number(float(match[0])), value)
    return short if "(" in short else re.sub(r"\s*([A-Za-z])\s*(?!\()", r"\1", short).strip()


def number(value: float, places: int = 2) -> str:
    text = f"{value:.{places}f}".rstrip("0").rstrip(".")
    if text == "-0":
        return "0"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def path(value: str) -> str:
    """Return a path with rounded coordinates; a single open line of MANY points is simplified and written by steps."""
    numbers = [float(text) for text in re.findall(r"-?[\d.]+", value)]
    is_line = value.count("M") <= 1 and not re.sub(r"[^A-Za-z]", "", value).lstrip("M").strip("L")
    if not is_line or len(numbers) < 2 * MANY:
        return rounded(value)
    points = np.array(numbers).reshape(-1, 2)
    return steps(points[bends(points)])


def steps(points: Points) -> str:
    """Return the path of a line by the steps from point to point, in tenths of a point."""
    tenths = np.round(10 * points).astype(int)
    start = " ".join(number(place / 10, 1) for place in tenths[0])
    between = " ".join(number(step / 10, 1) for step in np.diff(tenths, axis=0).ravel())
    return f"M{start}l{between.replace(' -', '-')}"


def bends(points: Points) -> list[int]:
    """Return the places of the points to keep: straight lines between them pass within UNSEEN of all other points.

    By Douglas and Peucker: the point furthest from a straight line splits it in two, as long as it is too far away.
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
    """Replace groups without attributes by their children, and remove empty groups and definitions, below ``node``."""
    for child in list(node):
        flatten(child)
        if child.tag in ("g", "defs") and not len(child) or child.tag == "g" and not child.attrib:
            place = list(node).index(child)
            node[place : place + 1] = list(child)


def join_marks(root: Element, names: dict[str, str]) -> None:
    """Replace each group of equal marks by an invisible line with a marker at each of its points."""
    defined = set()
    for group in list(root.iter("g")):
        looks = {(mark.tag, mark.get("href"), mark.get("style", "")) for mark in group}
        if len(group) < 2 or len(looks) > 1 or group[0].tag != "use":
            continue
        _, href, look = looks.pop()
        points = np.array([[float(mark.get(side)) for side in ("x", "y")] for mark in group])
        group[:] = []
        if (href, look) not in defined:
            marker = {"markerUnits": "userSpaceOnUse", "overflow": "visible", "id": names[f"{href} {look}"]}
            SubElement(SubElement(group, "marker", marker), "use", {"href": href, "style": look})
        defined.add((href, look))
        style = f"fill:none;stroke:none;marker:url(#{names[f'{href} {look}']})"
        SubElement(group, "path", {"d": steps(points), "style": style})
