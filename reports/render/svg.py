"""The colours of a report, and matplotlib's SVG made small, safe to inline and able to follow the reader's theme."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree import ElementTree as ET

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
FONT_SIZE = 9.5
MARGIN = 12
# a figure is 328 pixels wide on a phone of 360: its letters are 11 pixels high then
PHONE = "@media (max-width:35rem){svg text{font-size:16.2px}}"


@dataclass(frozen=True, slots=True)
class Colour:
    """One colour by its part in the picture, for a light and for a dark page."""

    light: str
    dark: str


# The data colours are those of Okabe and Ito (2008), darkened or lightened until text in them has a contrast of 4.5.
COLOURS = {
    "paper": Colour("#ffffff", "#16181b"),
    "panel": Colour("#f5f5f2", "#1f2226"),
    "ink": Colour("#1f2328", "#e7e4dd"),
    "muted": Colour("#5d646c", "#a3a8ae"),
    "rule": Colour("#dcdfe3", "#383d44"),
    "blue": Colour("#0072b2", "#56b4e9"),
    "vermilion": Colour("#b84a00", "#f08a4b"),
    "green": Colour("#007a5a", "#2fc39a"),
    "purple": Colour("#a2477c", "#dc8fbd"),
    "amber": Colour("#8a6100", "#e6b422"),
}
ROLES = {colour.light: name for name, colour in COLOURS.items()}
DROPPED = {"metadata", "style"}
STYLES = {"fill", "stroke", "stroke-width", "fill-opacity", "stroke-opacity", "stroke-dasharray", "stroke-linecap"}
STYLES |= {"font-weight", "opacity", "text-anchor"}
ATTRIBUTES = ("d", "x", "y", "width", "height")
REFERENCE = re.compile(r"(?<=url\(#)[^)]+|(?<=href=\"#)[^\"]+")
HREF = "{http://www.w3.org/1999/xlink}href"


def theme() -> str:
    """Return the style rules that give every role its colour, in light, in dark and on paper."""
    light = "".join(f"--{name}:{colour.light};" for name, colour in COLOURS.items())
    dark = "".join(f"--{name}:{colour.dark};" for name, colour in COLOURS.items())
    roles = "".join(f".f-{name}{{fill:var(--{name})}}.s-{name}{{stroke:var(--{name})}}" for name in COLOURS)
    return f":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}{roles}{PHONE}"


def tidy(svg: str, name: str, alt: str) -> str:
    """Return matplotlib's SVG as an element for HTML: colours as roles, ids that begin with `name`, no namespace."""
    old = ET.fromstring(svg)  # noqa: S314 -- matplotlib's own output, in which every string is escaped
    root = ET.Element("svg", {"viewBox": old.attrib["viewBox"], "role": "img", "aria-label": alt})
    root.attrib |= {"font-family": FONT, "font-size": f"{FONT_SIZE:g}"}
    root.extend(cleaned(old, name, set(REFERENCE.findall(svg))))
    return ET.tostring(root, encoding="unicode")


def standalone(svg: str) -> str:
    """Return the same picture as a file of its own, on paper of its own, in the theme of whoever opens it."""

    def framed(box: re.Match[str]) -> str:
        width, height = (float(size) + 2 * MARGIN for size in box.groups())
        size = f'viewBox="-{MARGIN} -{MARGIN} {width:g} {height:g}" width="{1.5 * width:g}" height="{1.5 * height:g}"'
        return f'<svg xmlns="http://www.w3.org/2000/svg" {size}'

    head, body = re.sub(r'<svg viewBox="0 0 (\S+) (\S+)"', framed, svg, count=1).split(">", 1)
    at = f'x="-{MARGIN}" y="-{MARGIN}" width="100%" height="100%"'
    paper = f'<rect class="f-paper" fill="{COLOURS["paper"].light}" {at} />'
    return f"{head}><style>{theme()}</style>{paper}{body}\n"


def renamed(svg: str, prefix: str) -> str:
    """Return a figure whose ids, and references to them, begin with a prefix, to stand beside one of the same name."""
    return re.sub(r'(?<=id="|f="#)|(?<=url\(#)', prefix, svg)


def cleaned(parent: ET.Element, name: str, used: set[str]) -> list[ET.Element]:
    """Return what is worth keeping below `parent`; groups that say nothing give way to what is in them."""
    kept: list[ET.Element] = []
    for old in parent:
        tag = old.tag.rpartition("}")[2]
        if tag in DROPPED:
            continue
        new = ET.Element(tag, attributes(old, name, used))
        new.extend(cleaned(old, name, used))
        if tag == "text":
            new.text = old.text
        if tag == "g" and not new.attrib:
            kept += new
        elif tag not in {"g", "defs"} or len(new):
            kept.append(new)
    return kept


def attributes(old: ET.Element, name: str, used: set[str]) -> dict[str, str]:
    """Return an element's attributes: styles one by one, numbers with two decimals, ids that begin with `name`."""
    new = {key: rounded(old.attrib[key]) for key in ATTRIBUTES if key in old.attrib}
    if old.attrib.get("id") in used:
        new["id"] = f"{name}-{old.attrib['id']}"
    if HREF in old.attrib:
        new["href"] = f"#{name}-{old.attrib[HREF].lstrip('#')}"
    if "clip-path" in old.attrib:
        new["clip-path"] = old.attrib["clip-path"].replace("url(#", f"url(#{name}-")
    transform = old.attrib.get("transform", "")
    if transform and not transform.startswith("rotate(-0 "):
        new["transform"] = rounded(transform)
    return new | styles(old.attrib.get("style", ""))


def styles(declarations: str) -> dict[str, str]:
    """Return style declarations as attributes; a colour that has a role brings the role's class with it."""
    pairs = [declaration.split(": ", 1) for declaration in declarations.split("; ") if declaration]
    new = {key: value for key, value in pairs if key in STYLES}
    roles = [f"{key[0]}-{ROLES[value]}" for key, value in new.items() if key in {"fill", "stroke"} and value in ROLES]
    return new | ({"class": " ".join(roles)} if roles else {})


def rounded(numbers: str) -> str:
    """Return numbers among other text with at most two decimals; line breaks become spaces."""
    short = re.sub(r"-?\d+\.\d+", lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), numbers)
    return " ".join(short.replace("-0 ", "0 ").split())
