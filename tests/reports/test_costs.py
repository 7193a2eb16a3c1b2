"""Tests of what the report says of strategies after costs: folded, no boast, and no claim."""

from __future__ import annotations

from typing import Any

import pytest

from backtest.data.names import HOLDING
from backtest.data.result_tables import STRATEGIES
from backtest.reports.blocks import Details, Heading, Note, walk
from backtest.reports.run import RunResult
from backtest.reports.sections import SECTIONS
from backtest.reports.sections.costs import costs_sentence, costs_title, strategy_table, track_record
from tests.support.candidates import candidate, judged, with_rows


@pytest.mark.parametrize(
    ("net", "turnover", "deflated", "title"),
    [
        (0.12, 100.0, 0.99, "After costs, trading on GRU would have gained 12.0\xa0%; holding would have gained"),
        (0.12, 100.0, 0.6, "After costs, trading on GRU would have gained 12.0\xa0%, indistinguishable from chance;"),
        (0.12, 100.0, None, "After costs, trading on GRU would have gained 12.0\xa0%, indistinguishable from chance;"),
        (-0.5, 100.0, 0.1, "After costs, trading on GRU would have lost 50.0\xa0%; holding would have"),
        (0.0, 0.0, None, "The forecasts of GRU never led to a trade; holding would have"),
        (1e300, 100.0, 0.99, "After costs, trading on GRU would have gained more than 1,000,000\xa0%;"),
    ],
)
def test_what_was_earned_stands_beside_holding_and_is_called_chance_where_it_may_be(
    usual: RunResult, net: float, turnover: float, deflated: float | None, title: str
) -> None:
    result = judged(usual, candidate("better", deflated_sharpe=deflated))
    own: dict[str, dict[str, Any]] = {
        "gru": {"net_return": net, "turnover": turnover},
        HOLDING: {"net_return": 0.05},
    }
    rows = [one._replace(**own.get(one.model, {})) for one in usual.rows(STRATEGIES)]
    result = with_rows(result, STRATEGIES, rows)
    assert costs_sentence(result).startswith(title)


@pytest.mark.parametrize(
    ("net", "turnover", "deflated", "title"),
    [
        (0.12, 100.0, 0.99, "After costs, the return of trading on GRU is more than chance would explain"),
        (0.12, 100.0, 0.6, "After costs, the return of trading on GRU is indistinguishable from chance"),
        (0.04, 100.0, 0.99, "After costs, trading on GRU would have earned less than holding"),
        (-0.5, 100.0, 0.1, "After costs, trading on GRU would not have made a profit"),
        (0.0, 0.0, None, "The forecasts of GRU never led to a trade"),
    ],
)
def test_no_title_boasts_of_a_gain(
    usual: RunResult, net: float, turnover: float, deflated: float | None, title: str
) -> None:
    result = judged(usual, candidate("better", deflated_sharpe=deflated))
    own: dict[str, dict[str, Any]] = {"gru": {"net_return": net, "turnover": turnover}, HOLDING: {"net_return": 0.05}}
    rows = [one._replace(**own.get(one.model, {})) for one in usual.rows(STRATEGIES)]
    result = with_rows(result, STRATEGIES, rows)
    assert costs_title(result) == title


def test_no_gain_is_judged_on_too_little_evidence(usual: RunResult) -> None:
    result = judged(usual, candidate("cannot tell", deflated_sharpe=0.99))
    own: dict[str, dict[str, Any]] = {"gru": {"net_return": 0.12, "turnover": 100.0}, HOLDING: {"net_return": 0.05}}
    rows = [one._replace(**own.get(one.model, {})) for one in usual.rows(STRATEGIES)]
    result = with_rows(result, STRATEGIES, rows)
    assert costs_title(result) == "There is too little evidence to judge the return of trading on GRU after costs"
    assert "would have gained 12.0\xa0%, with too little evidence to judge; holding" in costs_sentence(result)


def test_the_strategies_are_folded_and_marked_as_no_claim(usual: RunResult) -> None:
    blocks = SECTIONS["costs"](usual)
    assert [type(block) for block in blocks] == [Heading, Details]
    assert [block.summary for block in blocks if isinstance(block, Details)] == ["After costs: not a trading claim"]
    (note,) = (block.text for block in walk(blocks) if isinstance(block, Note))
    assert note.startswith("This is not a trading claim.")
    assert "10\xa0basis points of fee and 2\xa0basis points of slippage" in note
    assert [group.label for group in strategy_table(usual).groups] == ["References", "Models, best first", "Baselines"]
    assert [row[0] for row in strategy_table(usual).groups[0].rows] == ["holding", "nothing (zero)"]


def test_a_track_record_is_in_years(usual: RunResult) -> None:
    one = usual.rows(STRATEGIES)[0]._replace(sharpe=1.0, track_record=17_520.0, bars_per_year=8_760.0)
    assert track_record(one) == "2.0"
    assert track_record(one._replace(track_record=None)) == "never"
    assert track_record(one._replace(sharpe=None)) == "–"
    assert track_record(one._replace(track_record=827.1 * 8_760)) == "over 100"


@pytest.mark.parametrize(("simple", "named"), [(0.7, True), (0.1, False)])
def test_a_baseline_that_earned_more_is_named_beside_the_model(usual: RunResult, simple: float, named: bool) -> None:
    result = judged(usual, candidate("better"))
    own: dict[str, dict[str, Any]] = {"gru": {"net_return": 0.12, "turnover": 100.0}, "mean": {"net_return": simple}}
    others = {one.model: {"net_return": -0.2} for one in usual.rows(STRATEGIES) if one.model not in own}
    strategies = [one._replace(**{**others, **own}[one.model]) for one in usual.rows(STRATEGIES)]
    title = costs_sentence(with_rows(result, STRATEGIES, strategies))
    assert title.endswith("; the baseline mean would have gained 70.0\xa0%") == named
