"""Several processes, each with its share of a batch, train as one does with all of it."""

import csv
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from brevox.training.checkpoint import LAST, load_checkpoint

#: One whose first gradients are well above rounding: Adam makes steps of one size of the smallest ones.
PLAYING = (
    "adversarial.discriminator={name: period, periods: [2, 3], channels: [4, 8]}",
    "adversarial.start_step=1",
)
SHORT = ("run.steps=4", "run.valid_clips=1", "data.silence=0.3")
#: What is trained, as overrides of tiny.yaml. Many codes restart, items keep different numbers of books.
RUNS = {
    "averaged books, discriminator": ("model.bottleneck.restart_every=2", "model.bottleneck.least_use=2", *PLAYING),
    "learned books, k-means, accumulated": (
        *(f"model.bottleneck.{choice}" for choice in ("learn=gradient", "init=kmeans", "revive=kmeans")),
        "model.bottleneck.restart_every=3",
        "optimiser.accumulate=2",
        "balancer={name: ema}",
    ),
    "factorised": (
        "model.bottleneck={name: factorised, books: 3, codes: 16, restart_every: 2, least_use: 2}",
        # Frames of silence are all alike, so that codes restart as equals: which is nearest is then a matter of chance.
        "data.silence=0",
    ),
}


@pytest.fixture(scope="module")
def together(tiny, tmp_path_factory):
    """The folders of runs by two processes, two items each."""
    folder = tmp_path_factory.mktemp("together")
    for name, overrides in {**RUNS, "stopped": ()}.items():
        (folder / name).mkdir()
        OmegaConf.save(OmegaConf.structured(tiny("data.batch=2", *SHORT, *overrides)), folder / name / "given.yaml")
    script = Path(__file__).parent / "train_everywhere.py"
    with socket.socket() as free:  # the usual port may be another test run's
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    fabric_run = [sys.executable, "-m", "lightning.fabric.cli", "--accelerator", "cpu", "--devices", "2"]
    done = subprocess.run(
        [
            *fabric_run,
            "--strategy",
            "ddp",
            "--main-port",
            port,
            str(script),
            *(str(folder / name) for name in (*RUNS, "stopped")),
        ],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=1200,  # a busy machine must not fail a law
    )
    assert done.returncode == 0, done.stderr
    return folder


def logged(folder):
    """Value by step and name."""
    with (folder / "train.csv").open(newline="") as file:
        return {(int(step), name): float(value) for step, name, value in csv.reader(file)}


def processes(folder):
    return [torch.load(folder / f"process{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.mark.parametrize("name", RUNS)
def test_two_processes_are_one_with_twice_the_batch(tiny, train, together, tmp_path, name):
    train(tiny("data.batch=4", *SHORT, *RUNS[name]), tmp_path)
    one, two = logged(tmp_path), logged(together / name)
    assert one.keys() == two.keys()
    for (step, value), expected in one.items():
        if value != "speed_x_real_time":
            assert two[step, value] == pytest.approx(expected, rel=1e-3), (step, value)
    alone, shared = (load_checkpoint(folder / LAST) for folder in (tmp_path, together / name))
    for part in {"model", "average", "discriminator"} & alone.keys():
        torch.testing.assert_close(shared[part], alone[part], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", [*RUNS, "stopped"])
def test_processes_agree_to_the_bit(together, name):
    one, two = processes(together / name)
    torch.testing.assert_close(one, two, rtol=0, atol=0)


def test_where_one_process_is_told_to_stop_all_stop_at_the_same_step(together):
    assert [state["step"] for state in processes(together / "stopped")] == [2, 2]
    assert load_checkpoint(together / "stopped" / LAST)["step"] == 2
