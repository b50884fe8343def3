from pathlib import Path

import pytest

from brevox.nets.codec import build_codec
from brevox.training.recipe import load_recipe
from brevox.training.summary import macs_per_second, summarise

RECIPES = Path(__file__).parents[2] / "recipes"


def test_seanet_s_work_by_hand():
    """Multiplications a second of each layer: weights of its kernel times how often a second it is laid on."""
    widths, strides = (32, 64, 128, 256), (2, 4, 6, 8)
    rate, macs = 16_000.0, 16_000.0 * 7 * 32
    for width, stride in zip(widths, strides, strict=True):
        macs += rate * 3 * (3 + 1) * width * width
        rate /= stride
        macs += rate * 2 * stride * width * 2 * width
    macs += rate * 7 * 512 * 192
    counted = macs_per_second(build_codec(load_recipe(RECIPES / "seanet-16k.yaml").model))
    assert counted["encoder"] == pytest.approx(macs, rel=0.01)
    assert counted["decoder"] == pytest.approx(macs, rel=0.01)
    assert counted[""] == pytest.approx(sum(counted[part] for part in ("encoder", "bottleneck", "decoder")), rel=0.01)


def test_the_built_in_model_is_as_light_as_it_is_meant_to_be():
    assert macs_per_second(build_codec(load_recipe(RECIPES / "speech-16k.yaml").model))[""] <= 1e9


def test_a_summary_tells_the_recipe_the_model_and_the_folder(tiny):
    recipe = tiny("run.steps=77")
    text = summarise(recipe, build_codec(recipe.model), Path("runs") / "here")
    assert "steps: 77" in text
    assert "M MACs a second" in text
    assert str(Path("runs") / "here") in text
