"""The same work on many items on a Ray cluster. Needs the extra `ray`."""

from __future__ import annotations

import logging
import os
import socket
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from brevox.errors import BrevoxError, SettingsError
from brevox.processes import Item, Result, Start, Worker, no_report

_ANSWER_S = 5.0


class RayCluster:
    """Processes of a Ray cluster, where Brevox must be installed on every machine.

    In a program that is connected to a cluster, that one is used. Otherwise a connection is made for the time of `run`.

    Args:
        address: of a running cluster; by default the one that RAY_ADDRESS names, else one that runs on this machine,
            else one that is started here for as long as it is needed.
        attempts: how often to do an item whose process is killed.
    """

    def __init__(self, address: str | None = None, attempts: int = 1) -> None:
        self.address, self.attempts = address, attempts

    def run(
        self,
        items: list[Item],
        start: Start[Item, Result],
        progress: Callable[[Item, float, float | None], None] | None = None,
    ) -> Iterator[tuple[Item, Result | None]]:
        """See `brevox.processes.Workers.run`; `progress` is not called, as nothing is heard of an item at work.

        Raises:
            SettingsError: there is no cluster at the address.
        """
        ours = not ray.is_initialized()
        if ours:
            self._connect()
        pending: dict[Any, Item] = {}
        try:
            # Sent once to each machine, not with every item: a model is in it. In a list, or Ray would unpack it.
            started = [ray.put(start)]
            task = ray.remote(_work).options(num_cpus=1, max_retries=self.attempts - 1, name="brevox")
            run = uuid.uuid4().hex
            pending = {task.remote(run, started, item): item for item in items}
            while pending:
                (done,), _ = ray.wait(list(pending))
                yield pending.pop(done), _result(done)
        finally:
            for reference in pending:
                ray.cancel(reference)
            if ours:
                ray.shutdown()

    def _connect(self) -> None:
        address = self.address or os.environ.get("RAY_ADDRESS")
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else a warning about GPUs, without any
        try:
            _see_that_it_answers(address)
            ray.init(address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        except (OSError, ValueError, RuntimeError) as error:
            at = f"at {address}" if address else "on this machine"
            raise SettingsError(f"cannot connect to a Ray cluster {at}: {error}") from error


def _see_that_it_answers(address: str | None) -> None:
    """Ray itself would wait for minutes for a machine that is not there."""
    host, colon, port = (address or "").rpartition("/")[2].rpartition(":")
    if colon:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_S).close()


def _result(reference: Any) -> Any:
    """What a task gave; None if its process, or the machine it was on, is gone."""
    try:
        return ray.get(reference)
    except RayTaskError as error:
        if isinstance(error.cause, BrevoxError):
            raise error.cause from None
        raise
    except RayError:
        return None


_ready: tuple[str, Worker[Any, Any]] | None = None


def _work(run: str, started: list[Any], item: Any) -> Any:
    global _ready  # what a process of the cluster keeps between its tasks
    if _ready is None or _ready[0] != run:
        _ready = run, ray.get(started[0])(1)
    return _ready[1](item, no_report)
