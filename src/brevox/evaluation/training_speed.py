"""How fast a recipe trains on this machine. It needs the extra `train`."""

from __future__ import annotations

import csv
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from brevox.audio.pitch import PITCH_RATE_HZ
from brevox.data.prepare import write_corpus
from brevox.data.synthetic import synthetic_clips
from brevox.errors import SettingsError
from brevox.training.recipe import load_recipe
from brevox.training.trainer import Trainer

#: Steps between looks at the clock.
_GROUP = 5


@dataclass(frozen=True)
class TrainingSpeed:
    """The median over groups of five steps, the first left out.

    best: seconds of audio a second in the fastest group, the one least disturbed.
    """

    recipe: str
    device: str
    steps_per_s: float
    audio_s_per_s: float
    best: float

    def __str__(self) -> str:
        return (
            f"{self.recipe} on {self.device}: {self.steps_per_s:.2f} steps/s, "
            f"{self.audio_s_per_s:.1f} s of audio a second; at best {self.best:.1f}"
        )


def training_speed(
    recipe: Path, overrides: Sequence[str] = (), *, corpus: Path | None = None, steps: int = 30
) -> TrainingSpeed:
    """Train for some steps, and throw away what comes of it.

    Args:
        recipe: a recipe, not experiments.
        overrides: see `load_recipe`.
        corpus: by default two minutes of noise: what is said makes no step slower.
        steps: at least 10.

    Raises:
        SettingsError: the recipe cannot be used, or there are too few steps.
    """
    if steps < 2 * _GROUP:
        raise SettingsError(f"the speed of training takes at least {2 * _GROUP} steps to measure, not {steps}")
    with tempfile.TemporaryDirectory(prefix="brevox-speed-") as folder:
        if corpus is None:
            corpus = Path(folder) / "corpus"
            rate = load_recipe(recipe, overrides).model.get("sample_rate", PITCH_RATE_HZ)
            write_corpus(corpus, synthetic_clips("noise"), rate)  # noise is noise at any rate
        fixed = [f"run.steps={steps}", f"run.log_every={_GROUP}", "run.valid_clips=1", "run.valid_clip_s=1"]
        settings = load_recipe(recipe, [f"data.corpus={corpus}", *fixed, *overrides])
        trainer = Trainer(settings, Path(folder) / "run")
        trainer.run()
        with (Path(folder) / "run" / "train.csv").open(newline="", encoding="utf-8") as file:
            speeds = [float(value) for _, name, value in csv.reader(file) if name == "speed_x_real_time"]
    audio = statistics.median(speeds[1:])
    a_step = settings.data.batch * settings.data.crop_s * settings.optimiser.accumulate
    return TrainingSpeed(settings.name, str(trainer.fabric.device), audio / a_step, audio, max(speeds))
