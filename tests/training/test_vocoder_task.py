"""Networks of the vocoder in the training loop: which frames they see, that they learn, and go on exactly."""

import csv

import lightning as L
import numpy as np
import pytest
import torch

from brevox.data.vocoder import FrameItems, starts_of
from brevox.errors import DataError, SettingsError
from brevox.losses.envelopes import ENVELOPE_LOSSES
from brevox.training.checkpoint import BEST, LAST, load_checkpoint
from brevox.training.recipe import FrameSettings, load_recipe
from brevox.training.trainer import Trainer
from brevox.training.vocoder_task import choose_frames, levels_of, load_vocoder, summed_up
from brevox.vocoder.analysis import analyse
from brevox.vocoder.envelope import energy_db, envelope, mel_features
from brevox.vocoder.feature_files import read_features, write_features
from brevox.vocoder.speech_files import read_speech

SMALL = [
    "data.batch=64",
    "data.frames={test: 200, voiced: true, least_energy_db: 10}",
    "run.steps=6",
    "run.log_every=1",
    "run.validate_every=3",
    "run.checkpoint_every=3",
    "optimiser.warmup_steps=1",
]


@pytest.fixture(scope="module")
def stem(clip, tmp_path_factory):
    """Features of the demo clip, two minutes of them, each time a little louder."""
    stem = tmp_path_factory.mktemp("vocoder") / "talk"
    harmonics = analyse(read_speech(clip))
    b, y = mel_features(harmonics), envelope(harmonics)
    write_features(f"{stem}_b.f32", np.concatenate([b + k * (np.arange(22) < 20) for k in range(4)]))
    write_features(f"{stem}_y.f32", np.concatenate([y + k for k in range(4)]))
    return stem


@pytest.fixture(scope="module")
def small(stem, pytestconfig):
    """A network's own recipe, made short."""

    def make(network, *overrides):
        path = pytestconfig.rootpath / "recipes" / f"vocoder-{network}.yaml"
        return load_recipe(path, [f"data.corpus={stem}", *SMALL, *overrides])

    return make


def logged(folder, kind="train"):
    with (folder / f"{kind}.csv").open(newline="") as file:
        return {(int(step), name): float(value) for step, name, value in csv.reader(file)}


@pytest.mark.parametrize("ncat", [1, 3])
def test_every_start_comes_once_in_a_round_and_whole_frames_follow_it(ncat):
    frames = torch.arange(50.0)[:, None].expand(-1, 4)
    chosen = np.random.default_rng(0).random(50) < 0.8
    starts = starts_of(chosen, ncat)
    expected = [n for n in range(50 - ncat + 1) if chosen[n : n + ncat].all()]
    np.testing.assert_array_equal(starts, expected)
    items = FrameItems(frames, -frames, starts, ncat, 3 * len(starts), seed=1)
    rounds = [items.__getitems__(range(k * len(starts), (k + 1) * len(starts))) for k in range(3)]
    for batch in rounds:
        assert sorted(batch["inputs"][:, 0, 0].tolist()) == expected
        torch.testing.assert_close(batch["inputs"], -batch["target"])
        assert (batch["inputs"].diff(dim=1) == 1).all()
    assert not torch.equal(rounds[0]["inputs"], rounds[1]["inputs"])
    # A batch across rounds is as its items are.
    wanted = [len(starts) + 2, len(starts) - 1, 0, 2 * len(starts)]
    together = items.__getitems__(wanted)
    for place, index in enumerate(wanted):
        torch.testing.assert_close(items[index]["inputs"], together["inputs"][place])


def test_frames_are_chosen_by_voice_and_energy():
    b = np.zeros((4, 22), np.float32)
    b[:, 20], b[:, 21] = 0.1, [1, 0, 1, 1]
    b[:, :20] = np.array([30, 30, 10 - 10 * np.log10(20) - 0.1, 10 - 10 * np.log10(20) + 0.1])[:, None]
    chosen = [choose_frames(b, FrameSettings(voiced=v, least_energy_db=10)).tolist() for v in (True, False)]
    assert chosen == [[True, False, False, True], [True, True, False, True]]


def test_frames_set_aside_are_never_trained_on(small, tmp_path):
    task = Trainer(small("f"), tmp_path, L.Fabric(accelerator="cpu")).task
    b = read_features(f"{task.recipe.data.corpus}_b.f32", 22)
    chosen = np.flatnonzero(choose_frames(b, task.recipe.data.frames))
    np.testing.assert_array_equal(task.starts, chosen[chosen >= 200])
    np.testing.assert_array_equal(task.valid, chosen[chosen < 200])


@pytest.mark.parametrize("network", ["f", "ae1", "ae2", "ae3", "ae4"])
def test_every_recipe_learns(small, train, tmp_path, network):
    steps = ["run.steps=150", "run.validate_every=75", "run.checkpoint_every=150", "model.zero_mean=true"]
    train(small(network, *steps), tmp_path)
    scores = logged(tmp_path, "valid")
    assert scores[150, "sd_db2"] < scores[75, "sd_db2"]
    model, state = load_vocoder(tmp_path)
    stem = state["recipe"]["data"]["corpus"]
    files = {"b": read_features(f"{stem}_b.f32", 22), "y": read_features(f"{stem}_y.f32", 79)}
    target = files["y" if model.target == "y" else "b"]
    chosen = np.flatnonzero(choose_frames(files["b"], FrameSettings(**state["recipe"]["data"]["frames"]))[:200])
    made = model.through(files["y" if model.inputs == "y" else "b"])
    again = summed_up(levels_of(model.target, made), levels_of(model.target, target), chosen)
    assert again["sd_db2"] == pytest.approx(scores[state["step"], "sd_db2"], rel=1e-3)
    # Far better than to take every frame for the mean of all.
    levels = 79 if model.target == "y" else 20
    shapes = target[chosen][:, :levels] - target[chosen][:, :levels].mean(axis=1, keepdims=True)
    assert again["sd_db2"] < 0.4 * ((shapes - shapes.mean(axis=0)) ** 2).mean()


@pytest.mark.parametrize(
    ("network", "changes"),
    [
        ("ae1", ["model.variant=4", "model.noise_var=1e-3", "model.ncat=2"]),
        ("ae1", ["model.variant=6"]),
        ("ae4", ["model.variant=6"]),
    ],
    ids=["noise", "vq", "batch-normalised"],
)
def test_a_run_goes_on_exactly_where_it_stopped(small, train, tmp_path, network, changes):
    changes = [*changes, "optimiser.schedule=constant"]
    train(small(network, *changes), tmp_path / "straight")
    for steps in ("run.steps=3", "run.steps=6"):
        train(small(network, *changes, steps), tmp_path / "stopped")
    one, other = (load_checkpoint(tmp_path / run / LAST) for run in ("straight", "stopped"))
    for part in ("model", "average"):
        assert all(torch.equal(value, other[part][name]) for name, value in one[part].items())
    values = logged(tmp_path / "straight")
    for step in range(1, 7):
        total = values[step, "loss"] + 0.25 * values[step, "commitment"]
        assert values[step, "total"] == pytest.approx(total, rel=1e-4)
        assert values[step, "squared_db2"] == pytest.approx(400 * values[step, "loss"], rel=1e-4)


@pytest.mark.parametrize("loss", ["{name: squared}", "{name: weighted, gamma: 0.85}"], ids=["squared", "weighted"])
def test_the_best_is_the_one_of_the_least_loss(small, train, tmp_path, loss):
    train(small("ae3", f"losses=[{loss}]"), tmp_path)
    values = logged(tmp_path, "valid")
    best = load_checkpoint(tmp_path / BEST)["step"]
    assert values[best, "loss"] == min(values[step, "loss"] for step in (3, 6))
    model, state = load_vocoder(tmp_path)
    stem = state["recipe"]["data"]["corpus"]
    b, y = read_features(f"{stem}_b.f32", 22)[:200], read_features(f"{stem}_y.f32", 79)[:200]
    chosen = np.flatnonzero(choose_frames(b, FrameSettings(**state["recipe"]["data"]["frames"])))
    made, target = ((rows[chosen] - energy_db(y)[chosen, None]) / 20 for rows in (model.through(b), y))
    expected = ENVELOPE_LOSSES.build(state["recipe"]["losses"][0])(torch.from_numpy(made), torch.from_numpy(target))
    assert values[best, "loss"] == pytest.approx(float(expected), rel=1e-3)


@pytest.mark.parametrize(
    ("network", "override", "hint"),
    [
        ("ae1", "data.silence=0.5", "knows no data.silence"),
        ("ae1", "losses=[]", "needs one loss"),
        ("ae1", "losses=[{name: square}]", "did you mean 'squared'"),
        ("ae1", "losses=[{name: weighted, gamma: 2}]", "0 to 1"),
        ("ae1", "adversarial.discriminator={name: stft}", "knows no adversarial"),
        ("f", "data.corpus=/missing", "cannot read /missing_b.f32"),
        ("f", "data.frames.test=0", "nothing to validate on"),
        ("f", "data.frames.test=1000000", "no frame of these features"),
        ("f", "data.frames.least_energy_db=200", "nothing to validate on"),
        ("f", "model.variant=2", "takes no variant"),
        ("f", "task=vocode", "did you mean 'vocoder'"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(small, tmp_path, network, override, hint):
    with pytest.raises((SettingsError, DataError), match=hint):
        Trainer(small(network, override), tmp_path / "run", L.Fabric(accelerator="cpu")).run()


def test_features_of_different_recordings_are_refused(small, stem, tmp_path):
    for kind in ("b", "y"):
        (tmp_path / f"cut_{kind}.f32").write_bytes(stem.with_name(f"{stem.name}_{kind}.f32").read_bytes())
    columns = {"b": 22, "y": 79}
    for kind, count in columns.items():
        path = tmp_path / f"cut_{kind}.f32"
        whole = path.read_bytes()
        path.write_bytes(whole[: -4 * count])
        for network in ("f", "ae2"):
            with pytest.raises(DataError, match="differ in length"):
                Trainer(small(network, f"data.corpus={tmp_path / 'cut'}"), tmp_path / "run", L.Fabric())
        path.write_bytes(whole)


def test_it_is_no_codec_nor_codecs_a_vocoder(trained):
    with pytest.raises(SettingsError, match="task: codec"):
        load_vocoder(trained / LAST)
