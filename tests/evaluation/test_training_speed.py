from pathlib import Path

import pytest

from brevox.errors import SettingsError
from brevox.evaluation.training_speed import training_speed

RECIPE = Path(__file__).parents[1] / "training" / "tiny.yaml"


def test_steps_and_seconds_of_audio_agree():
    measured = training_speed(RECIPE, steps=15)
    assert measured.audio_s_per_s == pytest.approx(measured.steps_per_s * 2 * 0.4)  # the recipe's batch and crops
    assert 0 < measured.audio_s_per_s <= measured.best


def test_a_few_steps_say_nothing():
    with pytest.raises(SettingsError, match="at least 10"):
        training_speed(RECIPE, steps=9)
