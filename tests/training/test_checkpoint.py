import os
import pickle
import random
import warnings

import pytest
import torch

from brevox.errors import DataError, OutputError, SettingsError
from brevox.training.checkpoint import load_checkpoint, restore_weights, save_checkpoint


def state():
    return {
        "recipe": {"name": "x", "losses": [{"name": "mel", "weight": 1.0}], "model": {"hop": 320}},
        "step": 12,
        "best": -float("inf"),
        "average": {"weight": torch.randn(3, 4), "steps": torch.tensor(7), "half": torch.randn(5).bfloat16()},
        "optimiser": {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"betas": (0.8, 0.99), "lr": 1e-3}]},
    }


def same(one, other):
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    return one == other


def test_what_is_saved_is_loaded(tmp_path):
    before = state()
    save_checkpoint(tmp_path / "a.ckpt", before)
    assert same(before, load_checkpoint(tmp_path / "a.ckpt"))
    assert [path.name for path in tmp_path.iterdir()] == ["a.ckpt"]


class Payload:
    """What a stranger's file may hold: on unpickling, it makes a folder."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("writer", ["torch.save", "pickle 0", "pickle 2", "pickle 4"])
def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path, writer):
    path, victim = tmp_path / "a.ckpt", tmp_path / "ran"
    content = {**state(), "extra": Payload(victim)}
    if writer == "torch.save":
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps({"extra": Payload(victim)}, protocol=int(writer[-1])))
    with warnings.catch_warnings(), pytest.raises(DataError) as caught:
        warnings.simplefilter("ignore")
        load_checkpoint(path)
    assert not victim.exists()
    assert str(path) in str(caught.value)
    assert "weights_only" not in str(caught.value)  # torch's advice is to run it all the same
    # The payload does work, where it is let.
    with path.open("rb") as file:
        torch.load(path, weights_only=False) if writer == "torch.save" else pickle.load(file)
    assert victim.exists()


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\x80\x02", b"\x80\x04N.", b"PK\x03\x04", b"RIFF\0\0\0\0WAVEfmt "], ids=repr
)
def test_other_files_are_no_checkpoints(tmp_path, content):
    (tmp_path / "a.ckpt").write_bytes(content)
    with warnings.catch_warnings(), pytest.raises(DataError, match=r"a\.ckpt"):
        warnings.simplefilter("ignore")
        load_checkpoint(tmp_path / "a.ckpt")


@pytest.mark.parametrize("content", [[1, 2], {"step": 1}, torch.zeros(3)], ids=["list", "too little", "tensor"])
def test_other_contents_are_no_checkpoints(tmp_path, content):
    torch.save(content, tmp_path / "a.ckpt")
    with pytest.raises(DataError, match="not a checkpoint of `brevox train`"):
        load_checkpoint(tmp_path / "a.ckpt")


def test_missing_files_and_folders(tmp_path):
    for path in (tmp_path, tmp_path / "missing.ckpt"):
        with pytest.raises(DataError, match="cannot read"):
            load_checkpoint(path)
    with pytest.raises(OutputError, match="does not exist"):
        save_checkpoint(tmp_path / "missing" / "a.ckpt", state())


def test_damage_is_an_error_of_ours_or_harmless(tmp_path):
    path, rng = tmp_path / "a.ckpt", random.Random(0)
    save_checkpoint(path, state())
    whole = path.read_bytes()
    refused = 0
    for _ in range(300):
        damaged = bytearray(whole[: rng.randrange(len(whole))] if rng.random() < 0.3 else whole)
        for _ in range(rng.randrange(1, 8)):
            if damaged:
                damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        path.write_bytes(damaged)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                load_checkpoint(path)
        except DataError:
            refused += 1
    assert refused > 100


def test_weights_of_another_network(tmp_path):
    module = torch.nn.Linear(3, 4)
    restore_weights(module, torch.nn.Linear(3, 4).state_dict(), tmp_path)
    with pytest.raises(SettingsError, match="another network"):
        restore_weights(module, torch.nn.Linear(3, 5).state_dict(), tmp_path)
