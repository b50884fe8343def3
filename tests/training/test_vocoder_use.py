"""brevox vocoder apply and look: latents out, quantised and in again; frames as pictures and by keys."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from typer.testing import CliRunner

from brevox.analysis.vocoder_frames import FrameViewer, save_frames
from brevox.cli.app import app
from brevox.errors import BrevoxError, DataError, SettingsError
from brevox.training.checkpoint import LAST
from brevox.training.recipe import load_recipe
from brevox.training.vocoder_use import open_trained
from brevox.vocoder.envelope import spectral_distortion
from brevox.vocoder.feature_files import read_features, write_features


def call(*arguments):
    done = CliRunner().invoke(app, ["vocoder", *map(str, arguments)])
    if done.exception is not None:
        raise done.exception
    return done


@pytest.fixture(scope="module")
def files(clip, tmp_path_factory):
    """b and y of the demo clip."""
    stem = tmp_path_factory.mktemp("features") / "talk"
    call("analyse", clip, "-o", stem)
    return stem.with_name("talk_b.f32"), stem.with_name("talk_y.f32")


@pytest.fixture(scope="module")
def run(files, train, pytestconfig, tmp_path_factory):
    """Train a network for a moment; gives its folder."""

    def make(network, *changes):
        folder = tmp_path_factory.mktemp(network)
        recipe = load_recipe(
            pytestconfig.rootpath / "recipes" / f"vocoder-{network}.yaml",
            [
                f"data.corpus={files[0].with_name('talk')}",
                "data.frames.test=100",
                "run.steps=60",
                "run.validate_every=60",
                "optimiser.warmup_steps=1",
                *changes,
            ],
        )
        train(recipe, folder)
        return folder

    return make


@pytest.fixture(scope="module")
def ae1(run):
    return run("ae1", "model.variant=4", "model.noise_var=1e-3", "model.bottle_dim=5", "model.ncat=2")


@pytest.fixture(scope="module")
def ae3(run):
    return run("ae3", "losses=[{name: weighted, gamma: 0.85}]")


def told(done):
    return {line.split(":")[0]: float(line.split()[-7]) for line in done.stdout.splitlines()}


def test_what_is_written_is_as_far_off_as_is_told(ae3, files, tmp_path):
    b, y = files
    done = call("apply", ae3, "--b", b, "--y", y, "-o", tmp_path / "made.f32")
    made, original = read_features(tmp_path / "made.f32", 79), read_features(y, 79)
    assert told(done)["all frames"] == pytest.approx(spectral_distortion(made, original).mean(), abs=1e-3)
    chosen = open_trained(ae3, b, y).chosen
    distortion = spectral_distortion(made[chosen], original[chosen]).mean()
    assert told(done)["frames as in training"] == pytest.approx(distortion, abs=1e-3)
    assert distortion < 40
    # The same without an original, of which nothing can be told.
    done = call("apply", ae3, "--b", b, "-o", tmp_path / "again.f32")
    assert done.stdout == ""
    np.testing.assert_array_equal(made, read_features(tmp_path / "again.f32", 79))


def test_latents_go_out_and_in_and_tables_between(ae1, files, tmp_path):
    b, latents = files[0], tmp_path / "l.f32"
    call("apply", ae1, "--b", b, "--write-latents", latents, "--noise-var", 0, "-o", tmp_path / "clean.f32")
    frames = len(read_features(b, 22))
    assert len(read_features(latents, 5)) == -(-frames // 2)
    call("apply", ae1, "--b", b, "--read-latents", latents, "-o", tmp_path / "back.f32")
    back = read_features(tmp_path / "back.f32", 22)
    np.testing.assert_allclose(back, read_features(tmp_path / "clean.f32", 22), atol=1e-4)
    # Quantised ever more finely they come ever nearer.
    far = []
    for entries in ("4", "32", "32,32"):
        call("vq-train", latents, "-k", 5, "-n", entries, "-o", tmp_path / "t")
        tables = [x for n in range(entries.count(",") + 1) for x in ("-t", tmp_path / f"t{n + 1}.f32")]
        call("vq-search", latents, "-k", 5, *tables, "-o", tmp_path / "q.f32")
        done = call("apply", ae1, "--b", b, "--read-latents", tmp_path / "q.f32", "-o", tmp_path / "quantised.f32")
        far.append(np.square(read_features(tmp_path / "quantised.f32", 22) - back).mean())
        assert told(done)["all frames"] > 0
    assert far[0] > far[1] > far[2]


def test_more_noise_is_farther_off_and_a_seed_is_the_same_noise(ae1, files, tmp_path):
    b = files[0]
    found = [told(call("apply", ae1, "--b", b, "--noise-var", v))["all frames"] for v in (0, 1e-2, 1e-1)]
    assert found[0] < found[1] < found[2]
    for name, seed in (("one", 3), ("same", 3), ("other", 4)):
        call("apply", ae1, "--b", b, "--seed", seed, "-o", tmp_path / name)
    one, same, other = (read_features(tmp_path / name, 22) for name in ("one", "same", "other"))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_keys_go_through_frames(ae1, files):
    trained = open_trained(ae1, files[0], None)
    viewer = FrameViewer(trained, Figure(), 7)
    last = len(trained.rows) - 1

    def pressed(*keys):
        for key in keys:
            viewer.press(key)
        assert viewer.figure.axes[0].get_title().startswith(f"frame {viewer.frame}:")
        np.testing.assert_allclose(viewer.figure.axes[0].lines[0].get_ydata(), trained.rows[viewer.frame, :20])
        np.testing.assert_allclose(viewer.figure.axes[0].lines[1].get_ydata(), viewer.made)
        return viewer.frame

    assert pressed("n") == 8
    assert pressed("b", "b") == 6
    assert pressed("j") == 106
    assert pressed("4", "2", "j") == 42
    assert pressed("9", "n", "j") == 143  # what was typed holds for the next key alone
    assert pressed(*"99999999j") == last == pressed("n")
    assert pressed("0", "j", "b") == 0
    before = viewer.made
    assert pressed("x", None, "shift") == 0
    np.testing.assert_array_equal(viewer.made, before)
    assert pressed(" ") == 0
    assert not np.array_equal(viewer.made, before)  # other noise
    before, axes = viewer.made, len(viewer.figure.axes)
    assert pressed("w") == 0
    assert len(viewer.figure.axes) == axes + 1  # that of the weights
    np.testing.assert_array_equal(viewer.made, before)
    pressed("w")
    assert len(viewer.figure.axes) == axes
    assert not viewer.quit
    pressed("q")
    assert viewer.quit


def test_the_weights_drawn_are_those_of_the_loss(ae3, files):
    trained = open_trained(ae3, *files)
    viewer = FrameViewer(trained, Figure(), 50)
    viewer.press("w")
    normal = trained.model.prepare("y", trained.original).values[50].numpy()
    weight = next(axes for axes in viewer.figure.axes if "weight" in axes.get_ylabel()).lines[0].get_ydata()
    np.testing.assert_allclose(weight, 20 * -0.15 * normal, atol=1e-3)
    made = trained.model.prepare("y", trained.original).energy_db[50].item()
    error = viewer.figure.axes[1].lines[0].get_ydata()
    expected = ((10 ** ((viewer.made - made) / 20) - 10**normal) * 10 ** (weight / 20)) ** 2
    np.testing.assert_allclose(error, expected, rtol=1e-3)


def test_without_a_display_frames_are_pictures(ae3, files, tmp_path, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.chdir(tmp_path)
    call("look", ae3, "--b", files[0], "--y", files[1], "--frame", 60, "--frames", 2)
    names = sorted(path.name for path in (tmp_path / "frames").iterdir())
    assert names == ["frame-000060.png", "frame-000061.png"]
    one, other = (imread(tmp_path / "frames" / name) for name in names)
    assert one.shape == other.shape
    assert not np.array_equal(one, other)


def test_mistakes_are_sentences(ae1, ae3, files, trained, tmp_path):
    b, y = files
    short, wrong = tmp_path / "short.f32", tmp_path / "wrong.f32"
    write_features(short, read_features(y, 79)[:-1])
    wrong.write_bytes(b"1234567")
    for arguments, kind, hint in [
        (("apply", ae1), SettingsError, "name that file with --b"),
        (("apply", ae3, "--b", b, "--y", short), DataError, "not of one recording"),
        (("apply", ae1, "--b", wrong), DataError, "no multiple"),
        (("apply", ae1, "--b", b, "--read-latents", b), DataError, "latents of 5 numbers|no multiple"),
        (("apply", ae1, "--b", b, "--read-latents", b, "--noise-var", 1), SettingsError, "leave the other out"),
        (("apply", tmp_path / "none", "--b", b), DataError, "cannot read"),
        (("apply", trained / LAST, "--b", b), SettingsError, "task: codec"),
        (("apply", wrong, "--b", b), DataError, "damaged"),
        (("look", ae3, "--b", b, "-o", tmp_path), SettingsError, "--y"),
        (("look", ae3, "--b", b, "--y", y, "--frame", 10**6, "-o", tmp_path), SettingsError, "there are frames 0 to"),
    ]:
        with pytest.raises(kind, match=hint):
            call(*arguments)
    assert issubclass(kind, BrevoxError)


def test_pictures_of_one_frame_are_small(ae1, files, tmp_path):
    (path,) = save_frames(open_trained(ae1, files[0], None), [3], tmp_path, weighted=True)
    assert path.stat().st_size < 100_000


def test_without_pytorch_it_says_which_extra_to_install(files):
    blocked = "import sys; sys.modules['torch'] = None; from brevox.cli import main; main()"
    for command, name in (("apply", "train"), ("look", "analysis")):
        arguments = ["vocoder", command, "none", "--b", str(files[0])]
        done = subprocess.run([sys.executable, "-c", blocked, *arguments], capture_output=True, text=True, timeout=120)
        assert done.returncode == 2
        assert f"brevox[{name}]" in " ".join(done.stderr.split())
        assert "Traceback" not in done.stderr
