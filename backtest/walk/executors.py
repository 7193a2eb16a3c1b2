"""Who carries out the tasks of a walk: this process, or joblib's worker processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky.process_executor import TerminatedWorkerError

__all__ = ["EXECUTORS", "TerminatedWorkerError"]

Call = Callable[[], Any]
Execute = Callable[[Sequence[Call], int], Iterator[Any]]


def run_serial(calls: Sequence[Call], jobs: int) -> Iterator[Any]:
    """Make the calls one after the other in this process."""
    for call in calls:
        yield call()


def run_loky(calls: Sequence[Call], jobs: int) -> Iterator[Any]:
    """Make the calls in `jobs` worker processes of one thread each; results come as they are done."""
    # Workers start as `python -m joblib...`, which would import a joblib.py or signal.py of the working directory.
    os.environ["PYTHONSAFEPATH"] = "1"
    with parallel_config(backend="loky", inner_max_num_threads=1):
        yield from Parallel(n_jobs=jobs, batch_size=1, pre_dispatch=2 * jobs, return_as="generator_unordered")(
            delayed(ignore_sigint)(call) for call in calls
        )


def ignore_sigint(call: Call) -> Any:
    """Make a call in a worker, from now on without ear for Ctrl-C: who asked for it will stop the worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return call()


EXECUTORS: dict[str, Execute] = {"loky": run_loky, "serial": run_serial}
