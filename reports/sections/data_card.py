"""The data of the run, and what is missing in it."""

from __future__ import annotations

from backtest.reports.blocks import Block, Facts, Heading
from backtest.reports.formats import counted, duration, listed, moment, whole
from backtest.reports.run import RunResult


def data_card(result: RunResult) -> tuple[Block, ...]:
    """What data was used? Source, period, bars, holes and checksum."""
    card = result.manifest.data
    first, last = moment(card.start, card.interval), moment(card.end - card.interval, card.interval)
    title = f"{counted(card.bars, 'bar')} of {listed(card.symbols, 4)}, from {first[:10]} to {last[:10]}"
    market = (
        "trades around the clock" if card.always_open else "closes, and nights, weekends and holidays are not holes"
    )
    pairs = [
        ("Source", card.source),
        ("SHA-256 of the bars", card.sha256),
        (f"Symbols ({whole(len(card.symbols))})", listed(card.symbols, 20)),
        ("First and last bar", f"{first} and {last} UTC"),
        ("Bars", f"{whole(card.bars)} of {duration(card.interval_seconds)} each; the market {market}"),
        ("Holes", holes(result)),
        ("Bars without volume", whole(card.zero_volume_bars)),
        ("Incomplete bars", f"{whole(card.rows_lost)}: {INCOMPLETE}"),
        ("Test bars without a forecast", f"{whole(sum(fold.n_lost for fold in result.folds))}, for the same reasons"),
        (
            "Forecasts evaluated",
            f"{whole(result.origins.height)} of each model, {counted(result.horizon, 'bar')} ahead",
        ),
    ]
    return Heading(title, "What data was used?"), Facts(tuple(pairs))


INCOMPLETE = "too little history for a feature, a hole in the window, or the outcome not known yet"


def holes(result: RunResult) -> str:
    """Return how many holes there are and how long they are; none is filled."""
    card = result.manifest.data
    if not card.gaps:
        return "none"
    size = f"{counted(card.missing_bars, 'missing bar')}, the longest hole {counted(card.longest_gap_bars, 'bar')}"
    return f"{whole(card.gaps)}, together {size}; none was filled"
