"""How numbers, dates and lists are written: once, so that every table and sentence agrees."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

MINUS = "\N{MINUS SIGN}"
SPACE = "\N{NO-BREAK SPACE}"
MISSING = "\N{EN DASH}"
SMALLEST_P = 0.001
PRICE_DIGITS = 6
"""Significant digits of a price, of which two at least are decimals."""

LARGE_SKILL = 0.5
"""A skill against zero beyond this, half of the squared error, needs no decimals."""

YEAR = timedelta(days=365)
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
NEGATIVE = re.compile(r"(?<!\w)-(?=\d)")
COUNT = re.compile(r"(?<=\d) (?=(?:forecast|fold|seed|bar|row|model|configuration|comparison|resample)s?\b)")
LONG = re.compile(r"(?<![\w.])-?(?:\d+(?:\.\d+)?e[-+]\d+|\d*\.\d{4,})(?!\w)")


def decimal(value: float | None, digits: int, *, signed: bool = False) -> str:
    """Return `value` with a fixed number of digits and thousands separators; a dash for null and NaN."""
    if value is None or math.isnan(value):
        return MISSING
    text = f"{value:{'+' if signed else ''},.{digits}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def size(value: float, digits: int, below: str = "less than") -> str:
    """Return the size of a number without its sign; one that rounds to zero is `below` the smallest that shows."""
    hidden = value and not round(value, digits)
    return f"{below} {decimal(10**-digits, digits)}" if hidden else decimal(abs(value), digits)


def whole(value: int | None) -> str:
    """Return a count with thousands separators."""
    return MISSING if value is None else f"{value:,}".replace("-", MINUS)


def percent(share: float | None, digits: int = 2, *, signed: bool = True) -> str:
    """Return a share as a percentage, such as `+0.42 %`."""
    text = decimal(None if share is None else 100 * share, digits, signed=signed)
    return text if text == MISSING else f"{text}{SPACE}%"


def interval(low: float | None, high: float | None, digits: int) -> str:
    """Return an interval of shares in per cent: `−0.41 to +0.34 %`; a dash where it is undefined."""
    if low is None or high is None:
        return MISSING
    return f"{percent(low, digits).removesuffix(f'{SPACE}%')} to {percent(high, digits)}"


def skill_digits(*skills: float | None) -> int:
    """Return the decimals that skills against zero deserve in per cent."""
    return 0 if any(skill is not None and abs(skill) > LARGE_SKILL for skill in skills) else 2


def level(share: float) -> str:
    """Return the level of an interval or a test without loss: `95 %`, `97.5 %`."""
    return f"{100 * share:.10g}{SPACE}%"


def decimals(value: float, digits: int = PRICE_DIGITS) -> int:
    """Return how many decimals numbers like this one need: 2 for 2,506.85, 10 for 0.0000123400."""
    return max(2, digits - 1 - math.floor(math.log10(abs(value)))) if value else 2


def within(low: float, high: float, digits: int) -> str:
    """Return two numbers, such as prices, as an interval."""
    return f"{decimal(low, digits)} to {decimal(high, digits)}"


def p_value(value: float | None, alpha: float) -> str:
    """Return a p-value as `0.31`, `0.012` or `< 0.001`, with digits enough to tell it from the level `alpha`."""
    if value is None or math.isnan(value):
        return MISSING
    if value < SMALLEST_P:
        return f"<{SPACE}{SMALLEST_P}"
    digits = 2 if value >= 0.1 else 3
    while round(value, digits) == alpha != value:
        digits += 1
    return decimal(value, digits)


def exponent_of(values: Iterable[float | None]) -> int:
    """Return the power of ten, a multiple of three, that brings the typical value between 1 and 1,000."""
    sizes = sorted(abs(value) for value in values if value is not None and value and math.isfinite(value))
    return 3 * math.floor(math.log10(sizes[len(sizes) // 2]) / 3) if sizes else 0


def power(exponent: int) -> str:
    """Return a power of ten as a unit for the head of a column, such as `, 10⁻⁶`; nothing for 10⁰."""
    return f", 10{str(exponent).translate(SUPERSCRIPTS)}" if exponent else ""


def scaled(value: float | None, exponent: int) -> str:
    """Return `value` in units of the power of ten."""
    return decimal(None if value is None else value / 10.0**exponent, 3)


def moment(time: datetime, interval: timedelta) -> str:
    """Return a time in UTC: the date alone where bars are days or longer and the clock shows midnight."""
    daily = interval >= timedelta(days=1) and (time.hour, time.minute) == (0, 0)
    return f"{time:%Y-%m-%d}" if daily else f"{time:%Y-%m-%d %H:%M}"


def day(time: datetime) -> str:
    """Return the date of a time in UTC."""
    return f"{time:%Y-%m-%d}"


def month(time: datetime) -> str:
    """Return the month of a time in UTC in words."""
    return f"{MONTHS[time.month - 1]}{SPACE}{time.year}"


def date(time: datetime) -> str:
    """Return the date of a time in UTC in words, on one line of a text."""
    return f"{time.day}{SPACE}{month(time)}"


def season(time: datetime, *, span: timedelta) -> str:
    """Return in words about when something was: the month where it is one of many in the `span`, else the date."""
    return month(time) if span > YEAR else date(time)


def duration(seconds: float) -> str:
    """Return a length of time in its two largest units, such as `1 h 5 min`."""
    if seconds < 60:
        return f"{decimal(seconds, 0 if seconds == int(seconds) else 1)}{SPACE}s"
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    rest, parts = round(seconds), []
    for name, size in units:
        if rest >= size:
            parts.append(f"{whole(rest // size)}{SPACE}{name}")
            rest %= size
    return SPACE.join(parts[:2])


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 fold`, `8,640 forecasts`."""
    return f"{whole(number)} {noun if number == 1 else noun + 's'}"


def bars(horizons: Sequence[int]) -> str:
    """Return horizons in words: `1 bar`, `1, 5 and 22 bars`."""
    return f"{listed([whole(one) for one in horizons])} {'bar' if list(horizons) == [1] else 'bars'}"


def listed(names: Sequence[str], most: int = 8, last: str = "and") -> str:
    """Return names as a list in words, `a, b and c`; those beyond `most` are counted, `last` joins the last two."""
    if len(names) > most:
        return f"{', '.join(names[: most - 1])} {last} {whole(len(names) - most + 1)} more"
    return f" {last} ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def plain(text: str) -> str:
    """Return a text in the signs of a keyboard, for files and terminals: hyphens for minus signs, plain spaces."""
    return text.replace(MINUS, "-").replace(SPACE, " ")


def tied(text: str) -> str:
    """Return a plain text as a page shows it: minus signs, and no line that breaks between a number and its unit."""
    for sign in (" %", " < ", " = ", "< "):
        text = text.replace(sign, sign.replace(" ", SPACE))
    return COUNT.sub(SPACE, NEGATIVE.sub(MINUS, text))


def shortened(text: str) -> str:
    """Return a text in which long decimals and powers of ten have three digits: `6.62429e-05` becomes `0.0000662`."""

    def digits(found: re.Match[str]) -> str:
        size = abs(float(found[0]))
        if not 1e-9 < size < 1e9:
            return found[0]
        return f"{float(found[0]):.{max(0, 2 - math.floor(math.log10(size)))}f}"

    return LONG.sub(digits, text)
