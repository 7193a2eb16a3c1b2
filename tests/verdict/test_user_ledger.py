"""What was tried is remembered wherever runs are written, and forgotten only on purpose and on record."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backtest.data.question import Question
from backtest.data.records.verdict import Declared, Verdict
from backtest.data.run_files import VERDICT, user_folder
from backtest.significance.stepdown import Hypothesis
from backtest.verdict.coincidence import BARS
from backtest.verdict.family import Key
from backtest.verdict.forgetting import forgotten_lines
from backtest.verdict.kept_losses import FOLDER, find_losses, hypotheses_in, keep_losses, losses_file
from backtest.verdict.ledger import (
    LEDGER,
    Forgotten,
    Ledger,
    Trial,
    append,
    coincide,
    enter,
    forget,
    known_in,
    on_same_data,
    others,
    read,
    same,
    user_ledger,
    user_ledger_problem,
)
from backtest.verdict.multiple_testing import declared_first, tried_before
from tests.support.fake_run import Plan, make
from tests.verdict.test_ledger import TRIAL, tried

pytestmark = pytest.mark.integration

ROWS = {"bars": {"2020-01": "3:00000001:00000002:00000003"}}
OTHER_ROWS = {"bars": {"2020-01": "3:00000004:00000005:00000006"}}
KEY = Key("lstm", 1)


def verdict_of(run: Path) -> Verdict:
    """The verdict in a run's folder."""
    return Verdict.from_json((run / VERDICT).read_text())


def differences(seed: int = 0) -> dict[Key, Hypothesis]:
    """Made-up loss differences of two tests."""
    keys, rng = (KEY, Key("lstm", 1, "weighted")), np.random.default_rng(seed)
    return {key: Hypothesis(rng.standard_normal(50), np.arange(50) * 10, 1) for key in keys}


def test_a_run_that_is_written_elsewhere_does_not_start_again(tmp_path: Path) -> None:
    make(tmp_path / "here", Plan(seed=1))
    elsewhere = make(tmp_path / "elsewhere", Plan(seed=2))
    assert verdict_of(elsewhere).configurations == 2
    assert len(read(tmp_path / "elsewhere" / LEDGER).trials) == 1
    assert [trial.run for trial in read(user_ledger()).trials] == ["run", "run"]


def test_a_deleted_folder_of_runs_is_remembered(tmp_path: Path) -> None:
    make(tmp_path / "here", Plan(seed=1))
    shutil.rmtree(tmp_path / "here")
    assert verdict_of(make(tmp_path / "here", Plan(seed=2))).configurations == 2


def test_the_same_bars_under_another_name_are_the_same_rows(tmp_path: Path) -> None:
    plans = [Plan(seed=number, source=f"copy {number}", symbols=(f"COPY{number}",)) for number in range(3)]
    made = [make(tmp_path, plan, f"run {plan.seed}") for plan in plans]
    assert [verdict_of(run).configurations for run in made] == [1, 2, 3]


def test_the_ledger_of_the_user_is_where_it_should_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert user_folder() == tmp_path / "beatzero"
    monkeypatch.delenv("XDG_DATA_HOME")
    assert user_folder().name == "beatzero"
    assert user_folder().is_absolute()
    monkeypatch.setenv("BACKTEST_HOME", str(tmp_path / "own"))
    assert user_ledger() == tmp_path / "own" / LEDGER
    enter(tmp_path / "own", TRIAL, None)
    assert known_in(tmp_path / "own") == Ledger((TRIAL,))


def test_a_folder_of_the_user_that_cannot_be_written_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert user_ledger_problem() is None
    monkeypatch.setenv("XDG_DATA_HOME", os.devnull)
    assert "cannot be written" in (user_ledger_problem() or "")
    enter(tmp_path, TRIAL, losses_file(differences()))
    assert known_in(tmp_path) == Ledger((TRIAL,))


def test_settings_count_again_where_they_gave_other_numbers() -> None:
    repeated, again = replace(TRIAL, run="again"), replace(TRIAL, p_values={**TRIAL.p_values, "lstm@1": 0.01 + 2e-9})
    assert same(TRIAL, replace(TRIAL, p_values={**TRIAL.p_values, "lstm@1": 0.01 + 5e-10}))
    assert not same(TRIAL, again)
    assert others(Ledger((TRIAL, repeated, again, again)), TRIAL) == [again]


def test_rows_decide_where_they_are_known_and_bars_where_they_are_not() -> None:
    here, renamed = replace(TRIAL, rows=ROWS), replace(tried(2), data="other file", rows=ROWS)
    assert coincide(here, renamed)
    assert not coincide(here, replace(renamed, data=TRIAL.data, rows=OTHER_ROWS))
    assert coincide(here, tried(3))
    assert not coincide(here, replace(tried(3), data="other file"))


def test_the_same_settings_with_the_same_p_values_are_on_the_same_data_whatever_their_rows() -> None:
    own, repeated = replace(TRIAL, data="other", rows=OTHER_ROWS), replace(TRIAL, rows=ROWS, alpha=0.1, multiplicity="")
    another = replace(tried(2), data="renamed", rows=ROWS)
    unrelated = replace(tried(3), rows={"bars": {"2021-01": "1:0000000a"}})
    line = Forgotten(2, "2026-01-01", "renamed", ROWS)
    known = Ledger((repeated, another, unrelated), forgotten=(line,))
    assert on_same_data(known, own) == replace(known, trials=(repeated, another))
    assert others(known, own) == [another]
    assert declared_first(known, replace(own, alpha=0.05, multiplicity="")) == Declared(
        TRIAL.run, TRIAL.finished, 0.1, ""
    )
    last_digit = replace(own, p_values={**own.p_values, "gru@1": 0.3 + 1e-15})
    surely = [replace(each, p_values={"lstm@1": 1.0}, p_worse={"lstm@1": 0.0}) for each in (own, repeated)]
    for one, other in ((last_digit, repeated), surely):
        assert on_same_data(Ledger((other, another)), one) == Ledger()


def test_lines_of_the_earlier_sketch_are_read_and_known_by_their_bars(tmp_path: Path) -> None:
    path, new = tmp_path / LEDGER, replace(tried(2), rows={BARS: ROWS["bars"]})
    for earlier in (replace(TRIAL, rows=ROWS), Forgotten(2, TRIAL.finished, TRIAL.data, ROWS)):
        append(path, earlier)
    known = read(path)
    assert known.unreadable == 0
    assert others(known, new) == list(known.trials)
    assert others(known, replace(new, data="other")) == []
    assert len(on_same_data(known, new).forgotten) == 1
    assert others(known, replace(tried(3), data="other", rows=ROWS)) == list(known.trials)


def test_the_first_run_on_the_same_rows_declares_level_and_adjustment() -> None:
    first = replace(TRIAL, alpha=0.05, multiplicity="holm", rows=ROWS)
    later = replace(tried(2), alpha=0.1, multiplicity="holm", rows=ROWS, finished="2026-02-01T00:00:00+00:00")
    known = Ledger((later, first, tried(3)))
    assert declared_first(known, later) == Declared(first.run, first.finished, 0.05, "holm")
    assert declared_first(known, replace(later, alpha=0.05)) is None
    assert declared_first(known, replace(later, config="own", rows=OTHER_ROWS)) is None
    assert declared_first(Ledger(), later) is None


def test_loss_differences_are_kept_and_found_again(tmp_path: Path) -> None:
    content = losses_file(differences())
    assert content is not None
    keep_losses(tmp_path, content)
    (path,) = (tmp_path / FOLDER).iterdir()
    found = find_losses(path.stem, [tmp_path / "nowhere", tmp_path])
    assert found == content
    for key, one in hypotheses_in(found).items():
        assert (one.horizon, one.places.tolist()) == (1, differences()[key].places.tolist())
        np.testing.assert_allclose(one.differences, differences()[key].differences, rtol=1e-6)
    path.write_bytes(content[:-1])
    assert find_losses(path.stem, [tmp_path]) is None
    assert losses_file({}) is None


@pytest.mark.parametrize("content", [b"", b"PAR1", b"\x00" * 100])
def test_losses_that_are_no_table_are_none(content: bytes) -> None:
    assert hypotheses_in(content) == {}


def test_losses_that_cannot_be_used_are_left_out() -> None:
    odd = differences()
    odd[KEY].differences[3] = np.inf
    odd[Key("gru", 1)] = Hypothesis(np.ones(50), np.arange(50) * 10, 1)
    content = losses_file(odd)
    assert content is not None
    assert set(hypotheses_in(content)) == {Key("lstm", 1, "weighted")}


@pytest.mark.parametrize("damage", ["none", "lost", "changed"])
def test_a_trial_without_its_losses_is_allowed_for_by_its_p_values(tmp_path: Path, damage: str) -> None:
    make(tmp_path, Plan(seed=1))
    ledger = read(tmp_path / LEDGER)
    files = list((tmp_path / FOLDER).iterdir())
    for path in files if damage != "none" else []:
        path.unlink() if damage == "lost" else path.write_bytes(b"?")
    (trial,) = ledger.trials
    found = tried_before(ledger, Question(), replace(trial, config="own"))
    assert found.configurations == 2
    assert len(found.known) == (len(trial.p_values) if damage == "none" else 0)
    assert len(found.better) + len(found.known) == len(trial.p_values)
    assert trial.losses == files[0].stem


def test_forgetting_is_entered_and_later_verdicts_say_so(tmp_path: Path) -> None:
    for number in range(2):
        make(tmp_path, Plan(seed=number), f"run {number}")
    make(tmp_path, Plan(seed=3, outcomes=1), "on other bars")
    known = known_in(tmp_path)
    first = known.trials[0]
    chosen = [trial for trial in known.trials if coincide(trial, first)]
    (line,) = forgotten_lines(chosen)
    assert (line.forgotten, line.rows) == (2, first.rows)
    for path in (tmp_path / LEDGER, user_ledger()):
        forget(path, chosen, [line], unreadable=False)
        assert [trial.run for trial in read(path).trials] == ["on other bars"]
        assert len(list((path.parent / FOLDER).iterdir())) == 1
    later = verdict_of(make(tmp_path, Plan(seed=4), "later"))
    assert later.forgotten is not None
    assert (later.configurations, later.forgotten.trials) == (1, 2)
    assert verdict_of(make(tmp_path, Plan(seed=5, outcomes=1), "later there")).forgotten is None


def test_lines_that_cannot_be_read_are_forgotten_with_everything(tmp_path: Path) -> None:
    path = tmp_path / LEDGER
    append(path, TRIAL)
    path.write_bytes(path.read_bytes() + b"torn\n")
    lines = forgotten_lines([TRIAL], unreadable=1)
    forget(path, [TRIAL], lines, unreadable=True)
    assert read(path) == Ledger((), 0, tuple(lines))
    assert [(line.forgotten, line.data) for line in lines] == [(1, TRIAL.data), (1, "")]
    found = tried_before(read(path), Question(), Trial("c", "d", "", "", {}, {}, {}))
    assert found.forgotten is not None
    assert found.forgotten.trials == 1
    assert isinstance(lines[0], Forgotten)
