import pytest
import torch

from brevox.errors import SettingsError
from brevox.training.checkpoint import LAST, load_checkpoint


def parts_that_moved(before, after):
    return {name.partition(".")[0] for name in before if not torch.equal(before[name], after[name])}


@pytest.mark.parametrize("learn", ["ema", "gradient"])
@pytest.mark.parametrize("frozen", [["encoder"], ["decoder"], ["encoder", "bottleneck"]])
def test_what_is_frozen_stays_and_the_rest_learns(frozen, learn, tiny, train, tmp_path):
    learned = f"model.bottleneck.learn={learn}"
    train(tiny("run.steps=2", learned), tmp_path / "first")
    first = tmp_path / "first" / LAST
    train(tiny("run.steps=2", learned, f"frozen=[{','.join(frozen)}]"), tmp_path / "second", start_from=first)
    # Training starts from averaged weights.
    before, after = load_checkpoint(first)["average"], load_checkpoint(tmp_path / "second" / LAST)["model"]
    weights = {name: value for name, value in before.items() if name != "bottleneck.steps"}
    assert parts_that_moved(weights, after) == {"encoder", "bottleneck", "decoder"} - set(frozen)


def test_a_stage_with_a_frozen_encoder_goes_on_exactly(tiny, train, tmp_path):
    settings = ("frozen=[encoder,bottleneck]", "run.steps=4", "optimiser.schedule=constant")
    train(tiny(*settings, "run.steps=2"), tmp_path / "twice")
    straight = train(tiny(*settings), tmp_path / "straight").plain_model.state_dict()
    again = train(tiny(*settings), tmp_path / "twice").plain_model.state_dict()
    assert all(torch.equal(straight[name], again[name]) for name in straight)


@pytest.mark.parametrize("frozen, hint", [("[coder]", "not 'coder'"), ("[encoder,bottleneck,decoder]", "nothing left")])
def test_what_cannot_be_frozen_is_told(frozen, hint, tiny, train, tmp_path):
    with pytest.raises(SettingsError, match=hint):
        train(tiny(f"frozen={frozen}"), tmp_path)
