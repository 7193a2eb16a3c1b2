"""The ledger keeps every trial through crashes and crowds, and makes many tries cost what they should."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from backtest.verdict.ledger import LEDGER, Ledger, Trial, append, counted, others, read

TRIAL = Trial(
    config="c1",
    data="d1",
    finished="2026-01-02T03:04:05+00:00",
    run="btcusdt \u2028 \N{GREEK SMALL LETTER ALPHA}\n",
    p_values={"lstm@1": 0.01, "gru@1": 0.3},
    p_worse={"lstm@1": 0.99, "gru@1": 0.7},
    sharpes={"lstm@1": 0.02, "gru@1": -0.01},
    status="no evidence",
)
APPEND_FOR_EVER = """
import sys
from dataclasses import replace
from itertools import count
from pathlib import Path
from backtest.verdict.ledger import append
from tests.verdict.test_ledger import TRIAL
for number in count() if sys.argv[3] == "0" else range(int(sys.argv[3])):
    append(Path(sys.argv[1]), replace(TRIAL, config=f"{sys.argv[2]}-{number}"))
    print(number, flush=True)
"""


def writer(path: Path, name: str, times: int = 0) -> subprocess.Popen[str]:
    """A process that appends `times` trials, or until it is killed, and prints the number of each that is written."""
    command = [sys.executable, "-c", APPEND_FOR_EVER, str(path), name, str(times)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])  # noqa: S603


def tried(number: int, **more: object) -> Trial:
    """Another configuration on the same data."""
    return replace(TRIAL, config=f"c{number}", **more)  # type: ignore[arg-type]


def test_a_ledger_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    assert read(tmp_path / "runs" / LEDGER) == Ledger(trials=(), unreadable=0)


def test_what_is_appended_is_read_again_one_line_each(tmp_path: Path) -> None:
    path = tmp_path / "runs" / LEDGER
    trials = (TRIAL, tried(2, p_values={}, p_worse={}, sharpes={}), TRIAL)
    for trial in trials:
        append(path, trial)
    assert read(path) == Ledger(trials)
    lines = path.read_text("ascii").splitlines()
    assert len(lines) == 3
    assert json.loads(lines[0])["p_values"] == {"lstm@1": 0.01, "gru@1": 0.3}


@pytest.mark.parametrize(
    "line",
    [
        b'{"config": "c9", "da',
        b"\x00\x00\x00",
        b"\xff\xfe",
        b"null",
        b"{}",
        b"[" * 100_000,
        json.dumps({"p_values": {"lstm@1": 1.5}}).encode(),
    ],
)
def test_a_line_that_is_no_trial_is_counted_and_kept_and_stops_nobody(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / LEDGER
    append(path, TRIAL)
    path.write_bytes(path.read_bytes() + line)
    torn = read(path)
    assert (torn.trials, torn.unreadable) == ((TRIAL,), 1)
    append(path, tried(2))
    assert read(path) == Ledger((TRIAL, tried(2)), unreadable=1)
    assert line + b"\n" in path.read_bytes()
    assert counted(read(path), TRIAL) == 3


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("p_values", {"a@1": 1.5}),
        ("p_worse", {"a@1": -0.1}),
        ("p_values", {"a": 0.5}),
        ("p_worse", {"a@": 0.5}),
        ("p_worse", {"a@1": float("nan")}),
        ("sharpes", {"a": float("inf")}),
        ("run", 3),
    ],
)
def test_a_trial_with_impossible_numbers_is_unreadable(tmp_path: Path, field: str, value: object) -> None:
    path = tmp_path / LEDGER
    append(path, TRIAL)
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    assert read(path) == Ledger((), unreadable=1)


def test_a_whole_line_without_its_line_break_is_still_a_trial(tmp_path: Path) -> None:
    path = tmp_path / LEDGER
    append(path, TRIAL)
    path.write_bytes(path.read_bytes().rstrip())
    append(path, tried(2))
    assert read(path) == Ledger((TRIAL, tried(2)))


def test_a_number_that_is_none_never_enters_the_ledger(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        append(tmp_path / LEDGER, tried(2, sharpes={"lstm": float("nan")}))
    assert read(tmp_path / LEDGER) == Ledger()


def test_several_processes_at_once_lose_no_line(tmp_path: Path) -> None:
    path = tmp_path / LEDGER
    writers = [writer(path, name, times=20) for name in "abc"]
    outputs = [one.communicate(timeout=120)[0] for one in writers]
    assert [output.split() for output in outputs] == [[str(number) for number in range(20)]] * 3
    ledger = read(path)
    assert ledger.unreadable == 0
    for name in "abc":
        own = [trial.config for trial in ledger.trials if trial.config.startswith(name)]
        assert own == [f"{name}-{number}" for number in range(20)]


def test_a_process_killed_at_any_instant_tears_no_line_and_blocks_nobody(tmp_path: Path) -> None:
    path = tmp_path / LEDGER
    rng = np.random.default_rng(1)
    for attempt in range(3):
        killed = writer(path, f"k{attempt}")
        assert killed.stdout is not None
        killed.stdout.readline()
        time.sleep(rng.uniform(0, 0.05))
        killed.send_signal(signal.SIGKILL)
        confirmed = 1 + len(killed.communicate()[0].split())
        append(path, tried(attempt))
        ledger = read(path)
        assert ledger.unreadable == 0
        own = [trial.config for trial in ledger.trials if trial.config.startswith(f"k{attempt}-")]
        assert own == [f"k{attempt}-{number}" for number in range(len(own))]
        assert confirmed <= len(own) <= confirmed + 1
    assert {file.name for file in tmp_path.iterdir()} == {LEDGER, f".{LEDGER}.lock"}


def test_what_a_killed_process_left_half_written_is_swept_away(tmp_path: Path) -> None:
    path = tmp_path / LEDGER
    append(path, TRIAL)
    (tmp_path / f".{LEDGER}.1.tmp").write_bytes(b'{"config": "c')
    append(path, tried(2))
    assert {file.name for file in tmp_path.iterdir()} == {LEDGER, f".{LEDGER}.lock"}
    assert read(path) == Ledger((TRIAL, tried(2)))


def test_a_full_disk_leaves_the_ledger_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / LEDGER
    append(path, TRIAL)

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", refuse)
        with pytest.raises(OSError, match="No space left"):
            append(path, tried(2))
    assert read(path) == Ledger((TRIAL,))
    append(path, tried(3))
    assert read(path) == Ledger((TRIAL, tried(3)))


def test_each_other_configuration_on_the_same_data_counts_once_for_each_of_its_results() -> None:
    again = tried(2, run="again", p_values={"lstm@1": 0.5})
    ledger = Ledger((TRIAL, tried(2), replace(tried(3), data="d2"), again, tried(4), TRIAL))
    assert others(ledger, TRIAL) == [tried(2), again, tried(4)]
    assert others(ledger, tried(5)) == [tried(2), again, tried(4), TRIAL]
    assert others(ledger, replace(tried(5), data="d3")) == []
    assert counted(ledger, TRIAL) == 4
    assert counted(ledger, tried(5)) == 5
    assert counted(Ledger(unreadable=2), TRIAL) == 3


def test_a_line_of_an_older_version_with_a_headline_is_still_read_and_counts(tmp_path: Path) -> None:
    path = tmp_path / LEDGER
    old = {name: value for name, value in asdict(TRIAL).items() if name != "status"}
    path.write_text(json.dumps({**old, "headline": "Do not believe it."}) + "\n")
    found = read(path)
    assert found == Ledger((replace(TRIAL, status=None),))
    assert counted(found, tried(2)) == 2
