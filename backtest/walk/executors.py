"""Who runs the tasks of a walk: this process, or joblib's worker processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from joblib import Parallel, delayed, parallel_config, wrap_non_picklable_objects
from joblib.externals.loky import process_executor
from joblib.externals.loky.process_executor import TerminatedWorkerError

__all__ = ["EXECUTORS", "TerminatedWorkerError"]

Call = Callable[[], Any]
Execute = Callable[[Sequence[Call], int], Iterator[Any]]


def run_serial(calls: Sequence[Call], jobs: int) -> Iterator[Any]:
    """Make the calls one after the other in this process."""
    for call in calls:
        yield call()


def run_loky(calls: Sequence[Call], jobs: int) -> Iterator[Any]:
    """Make the calls in `jobs` worker processes of one thread each; results come as they are done.

    They travel as cloudpickle makes them: loky alone loses the validators of settings that were typed into a notebook.
    """
    before = os.environ.get("PYTHONSAFEPATH")
    # Workers start as `python -m joblib...`, which would import a joblib.py or signal.py of the working directory.
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        with parallel_config(backend="loky", inner_max_num_threads=1, initializer=start_worker):
            yield from Parallel(n_jobs=jobs, batch_size=1, pre_dispatch=2 * jobs, return_as="generator_unordered")(
                delayed(wrap_non_picklable_objects(call, keep_wrapper=False))() for call in calls
            )
    finally:
        if before is None:
            os.environ.pop("PYTHONSAFEPATH", None)
        else:
            os.environ["PYTHONSAFEPATH"] = before


def start_worker() -> None:
    """Prepare a worker process: SIGINT is ignored, for the parent handles Ctrl-C, and memory may grow.

    After its first call, loky takes 300 MB more for a memory leak, ends the worker and warns that it stopped. Here that
    is torch, loaded by the first network after a model without, or a later and longer fold.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    process_executor._USE_PSUTIL = False  # noqa: SLF001 - there is no public setting


EXECUTORS: dict[str, Execute] = {"loky": run_loky, "serial": run_serial}
