import csv
import json
import math
import shutil
import signal

import lightning as L
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from brevox.audio import AudioWriter
from brevox.data.prepare import manifest_sources, prepare
from brevox.errors import DataError, SettingsError
from brevox.training.checkpoint import BEST, LAST, load_checkpoint
from brevox.training.game import Game
from brevox.training.precision import make_fabric
from brevox.training.trainer import Trainer
from voices import voice

DISCRIMINATOR = ("adversarial.discriminator={name: stft, windows: [128], channels: 3}", "adversarial.probability=0.5")


def logged(folder, kind="train"):
    """Value by step and name."""
    with (folder / f"{kind}.csv").open(newline="") as file:
        return {(int(step), name): float(value) for step, name, value in csv.reader(file)}


def assert_same(one, other, path=""):
    """Equal to the last bit."""
    assert type(one) is type(other), path
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other), path
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), path
        for key in one:
            assert_same(one[key], other[key], f"{path}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), path
        for index, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f"{path}.{index}")
    else:
        assert one == other or (one != one and other != other), path


class PowerCut(Exception):
    pass


class Interrupted(L.Fabric):
    """Training that is hit by a signal, or cut off, at the end of the backward pass of some step."""

    def __init__(self, at_step, hit):
        super().__init__(accelerator="cpu", precision="32-true")
        self.steps_left, self.hit = at_step, hit

    def clip_gradients(self, *args, **kwargs):
        self.steps_left -= 1
        if self.steps_left == 0:
            self.hit()
        return super().clip_gradients(*args, **kwargs)


def power_cut():
    raise PowerCut


@pytest.fixture
def guarded_signals():
    """Handlers that make a test fail rather than end all tests, and a look at what training made of them."""

    def unhandled(number, _):
        pytest.fail(f"signal {number} was not handled")

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, unhandled) for number in numbers]
    yield
    left = [signal.signal(number, handler) for number, handler in zip(numbers, before, strict=True)]
    assert left == [unhandled, unhandled]


# Going on where it stopped.


@pytest.mark.usefixtures("guarded_signals")
@pytest.mark.parametrize(
    "hit, overrides, kept",
    [
        (lambda: signal.raise_signal(signal.SIGTERM), (), 4),
        (lambda: signal.raise_signal(signal.SIGINT), DISCRIMINATOR, 4),
        (power_cut, DISCRIMINATOR, 3),
        (power_cut, ("adversarial.share=0.3", *DISCRIMINATOR), 3),
        (power_cut, ("data.workers=1",), 3),
        (power_cut, ("data.augment=[{name: speed}, {name: pitch}, {name: room}, {name: noise, probability: 0.5}]",), 3),
        (power_cut, ("balancer={name: gradient}", "optimiser.accumulate=2", *DISCRIMINATOR), 3),
    ],
    ids=[
        "SIGTERM",
        "Ctrl-C, with a discriminator",
        "power cut, with a discriminator",
        "power cut, with a discriminator that hears a part",
        "power cut, with a worker",
        "power cut, augmented",
        "power cut, balanced and accumulated",
    ],
)
def test_a_run_that_was_stopped_ends_as_if_it_had_not_been(tiny, train, tmp_path, hit, overrides, kept):
    recipe = tiny("run.steps=8", "run.checkpoint_every=3", "run.validate_every=4", *overrides)
    train(recipe, tmp_path / "straight")
    try:
        train(recipe, tmp_path / "stopped", Interrupted(4, hit))
    except PowerCut:
        assert hit is power_cut
    assert load_checkpoint(tmp_path / "stopped" / LAST)["step"] == kept
    train(recipe, tmp_path / "stopped")

    straight, stopped = (load_checkpoint(tmp_path / name / LAST) for name in ("straight", "stopped"))
    assert straight["step"] == 8
    assert_same(straight, stopped)
    for kind in ("train", "valid"):
        one, other = logged(tmp_path / "straight", kind), logged(tmp_path / "stopped", kind)
        assert one.keys() == other.keys()
        assert all(one[key] == other[key] for key in one if key[1] != "speed_x_real_time")


def test_a_finished_run_stays_as_it_is(tiny, train, trained, tmp_path):
    shutil.copytree(trained, tmp_path / "again")
    train(tiny(), tmp_path / "again")
    assert (tmp_path / "again" / LAST).read_bytes() == (trained / LAST).read_bytes()


def test_a_finished_run_goes_on_to_more_steps(tiny, train, trained, tmp_path):
    shutil.copytree(trained, tmp_path / "more")
    assert train(tiny("run.steps=8"), tmp_path / "more").step == 8
    assert {step for step, _ in logged(tmp_path / "more")} == set(range(1, 9))


def test_the_seed_is_what_makes_runs_differ(tiny, train, trained, tmp_path):
    train(tiny(), tmp_path / "same")
    train(tiny("seed=4"), tmp_path / "other")
    first, same, other = (load_checkpoint(folder / LAST) for folder in (trained, tmp_path / "same", tmp_path / "other"))
    assert_same(first, same)
    assert not torch.equal(first["model"]["encoder.enter.weight"], other["model"]["encoder.enter.weight"])


def test_a_folder_of_another_model_is_refused(tiny, train, trained, tmp_path):
    shutil.copytree(trained, tmp_path / "other")
    before = (tmp_path / "other" / LAST).read_bytes()
    with pytest.raises(SettingsError, match="another network"):
        train(tiny("model.encoder.width=16"), tmp_path / "other")
    assert (tmp_path / "other" / LAST).read_bytes() == before


def test_a_second_stage_starts_from_the_averaged_weights_and_counts_anew(tiny, train, trained, tmp_path):
    recipe = tiny("run.steps=1", "optimiser.learning_rate=0", *DISCRIMINATOR)
    second = train(recipe, tmp_path / "second", start_from=trained / BEST)
    assert second.step == 1
    first = load_checkpoint(trained / BEST)["average"]
    ours = load_checkpoint(tmp_path / "second" / LAST)["model"]
    assert all(torch.equal(ours[name], first[name]) for name in first if "codebook" not in name and "bott" not in name)
    with pytest.raises(SettingsError, match="another network"):
        train(tiny("model.latent=4"), tmp_path / "third", start_from=trained / BEST)
    with pytest.raises(DataError, match="cannot read"):
        train(recipe, tmp_path / "fourth", start_from=tmp_path / "missing.ckpt")


def test_checkpoints_that_stay_can_be_gone_on_from(tiny, train, tmp_path):
    recipe = tiny("run.keep_every=2", *DISCRIMINATOR)
    train(recipe, tmp_path / "straight")
    kept = sorted(path.name for path in (tmp_path / "straight").glob("step-*"))
    assert kept == ["step-00000002.ckpt", "step-00000004.ckpt", "step-00000006.ckpt"]
    (tmp_path / "from 4").mkdir()
    shutil.copy(tmp_path / "straight" / kept[1], tmp_path / "from 4" / LAST)
    train(recipe, tmp_path / "from 4")
    assert_same(*(load_checkpoint(tmp_path / name / LAST) for name in ("straight", "from 4")))


def test_processes_that_fabric_run_has_launched_are_not_launched_again(tiny, train, tmp_path, monkeypatch):
    monkeypatch.setenv("LT_CLI_USED", "1")  # set by `fabric run`, of which a session of processes is too long a test
    assert train(tiny("run.steps=1"), tmp_path).step == 1


# What a step does.


@pytest.fixture(scope="session")
def one_crop(tmp_path_factory):
    """A corpus of one clip a split, shorter than a crop: every crop is the same."""
    folder = tmp_path_factory.mktemp("one")
    for name in ("a", "b"):
        with AudioWriter(folder / f"{name}.wav", 16_000, 1) as writer:
            writer.write(voice(0.38, 120, seed=1)[None])
    (folder / "list.tsv").write_text("path\tspeaker\tsplit\na.wav\ta\ttrain\nb.wav\tb\tvalid\n")
    prepare(manifest_sources(folder / "list.tsv"), folder / "corpus", jobs=1)
    return folder / "corpus"


# The report's test 8.04: the trainer works, losses fall.
@pytest.mark.parametrize("overrides", [(), ("run.precision=bf16-mixed",)], ids=["fp32", "bf16"])
def test_the_losses_fall_on_one_repeated_batch(tiny, train, one_crop, tmp_path, overrides):
    recipe = tiny(
        f"data.corpus={one_crop}", "run.steps=40", "data.gain_db=[0,0]", "data.silence=0", "commitment=0.02", *overrides
    )
    train(recipe, tmp_path)
    values = logged(tmp_path)
    # Phase, which the complex spectrum sees, is not to be had in so few steps.
    for name, fall in (("total", 0.9), ("mel", 0.9), ("complex_stft", 0.98)):
        early, late = ([values[step, name] for step in steps] for steps in (range(1, 6), range(36, 41)))
        assert sum(late) < fall * sum(early), name


def test_precisions_agree_and_weights_stay_whole(tiny, train, tmp_path):
    totals = []
    for precision in ("32-true", "bf16-mixed"):
        train(tiny(f"run.precision={precision}", "run.steps=3"), tmp_path / precision)
        state = load_checkpoint(tmp_path / precision / LAST)
        floats = [value for value in state["model"].values() if value.is_floating_point()]
        assert {value.dtype for value in floats} == {torch.float32}
        assert all(value.isfinite().all() for value in floats)
        totals.append(logged(tmp_path / precision)[1, "total"])
    assert totals[0] == pytest.approx(totals[1], rel=0.05)
    assert totals[0] != totals[1]


def half_precision():
    return make_fabric("16-mixed", accelerator="cpu")


def test_fp16_agrees_with_fp32_and_goes_on_exactly(tiny, train, tmp_path):
    train(tiny("run.steps=3", *DISCRIMINATOR), tmp_path / "32")
    both = ("run.validate_every=3", *DISCRIMINATOR)  # the best of the same validations
    train(tiny(*both), tmp_path / "16", half_precision())
    train(tiny("run.steps=3", *both), tmp_path / "stopped", half_precision())
    train(tiny(*both), tmp_path / "stopped", half_precision())
    first, second = (load_checkpoint(tmp_path / name / LAST) for name in ("16", "stopped"))
    first["recipe"] = second["recipe"]
    assert_same(first, second)
    assert all(value.isfinite().all() for value in first["model"].values())
    totals = [logged(tmp_path / name)[1, "total"] for name in ("32", "16")]
    assert totals[0] == pytest.approx(totals[1], rel=0.02)
    assert totals[0] != totals[1]


def test_fp16_scales_down_what_overflows_until_it_learns(tiny, train, tmp_path):
    recipe = tiny("run.steps=16", "losses=[{name: mel, weight: 1.0e+4}]", "optimiser.warmup_steps=0")
    trainer = Trainer(recipe, tmp_path, half_precision())
    before = [parameter.detach().clone() for parameter in trainer.plain_model.parameters()]
    scale = trainer.scaler.get_scale()
    trainer.run()
    assert not math.isfinite(logged(tmp_path)[1, "gradient_norm"])
    assert trainer.scaler.get_scale() < scale
    assert all(parameter.isfinite().all() for parameter in trainer.plain_model.parameters())
    pairs = zip(before, trainer.plain_model.parameters(), strict=True)
    assert any(not torch.equal(one, other) for one, other in pairs)


def test_compiled_networks_learn_the_same(tiny, train, trained, tmp_path):
    # All of torch.compile but the C++ compiler, which takes minutes.
    trainer = train(tiny("run.compile=aot_eager", "run.steps=3"), tmp_path)
    assert trainer.plain_model.encoder._compiled_call_impl is not None
    plain, compiled = logged(trained), logged(tmp_path)
    for step in (1, 2, 3):
        assert compiled[step, "total"] == pytest.approx(plain[step, "total"], rel=2e-3)
    assert load_checkpoint(tmp_path / LAST)["model"].keys() == load_checkpoint(trained / LAST)["model"].keys()


def test_a_step_logs_every_loss_and_their_weighted_sum(trained):
    values = logged(trained)
    for step in range(1, 7):
        total = values[step, "mel"] + 2 * values[step, "complex_stft"] + 0.25 * values[step, "commitment"]
        assert values[step, "total"] == pytest.approx(total, rel=1e-4)
        assert values[step, "gradient_norm"] > 0
        assert values[step, "speed_x_real_time"] > 0
    assert values[1, "learning_rate"] == pytest.approx(1.5e-3)
    assert values[2, "learning_rate"] == pytest.approx(3e-3)
    assert any(path.name.startswith("events.out.tfevents") for path in trained.iterdir())


def test_the_discriminator_joins_when_it_is_due(tiny, train, tmp_path):
    recipe = tiny(*DISCRIMINATOR, "adversarial.start_step=2", "adversarial.probability=1", "adversarial.weight=0.5")
    trainer = train(recipe, tmp_path)
    values = logged(tmp_path)
    joined = {step for step, name in values if name == "adversarial"}
    assert joined == {step for step, name in values if name == "discriminator"} == {3, 4, 5, 6}
    for step in joined:
        plain = values[step, "mel"] + 2 * values[step, "complex_stft"] + 0.25 * values[step, "commitment"]
        game = 0.5 * values[step, "adversarial"] + values[step, "feature_matching"]
        assert values[step, "total"] == pytest.approx(plain + game, rel=1e-4)
    assert all(parameter.requires_grad for parameter in trainer.task.game.discriminator.parameters())


def test_the_discriminator_learns_alone_at_first(tiny, train, tmp_path):
    alone = ("adversarial.start_step=1", "adversarial.alone_steps=2", "adversarial.probability=0.5")
    train(tiny(*DISCRIMINATOR, *alone), tmp_path)
    values = logged(tmp_path)
    assert {2, 3} <= {step for step, name in values if name == "discriminator"}
    assert {step for step, name in values if name == "adversarial"} == {4, 5, 6}
    assert {step for step, name in values if name == "mel"} == {1, 4, 5, 6}


def test_a_discriminator_can_hear_one_piece_of_each_item(tiny):
    recipe = tiny("adversarial.discriminator={name: stft, windows: [128], channels: 3}", "adversarial.share=0.25")
    game = Game(recipe, make_fabric("32-true", accelerator="cpu"))
    audio = torch.randn(2, 4000, generator=torch.Generator().manual_seed(0))
    places = set()
    for step in range(20):
        torch.manual_seed(step)
        game.begin_step(step)
        decoded = (0.5 * audio).requires_grad_()
        sum(term.value for term in game.terms(audio, decoded).values()).backward()
        for item in decoded.grad:
            moved = item.nonzero()[:, 0]
            assert 900 < moved[-1] - moved[0] < 1000
        places.add(int(moved[0]))
    assert min(places) < 600 and max(places) > 2400


def test_codec_and_discriminator_learn_from_their_own_losses_alone(tiny, train, tmp_path):
    frozen = ("adversarial.learning_rate=0", "adversarial.probability=1")
    train(tiny(*DISCRIMINATOR, *frozen, "run.steps=1"), tmp_path / "short")
    train(tiny(*DISCRIMINATOR, *frozen), tmp_path / "long")
    short, long = (load_checkpoint(tmp_path / name / LAST) for name in ("short", "long"))
    assert_same(short["discriminator"], long["discriminator"])
    assert not torch.equal(short["model"]["encoder.enter.weight"], long["model"]["encoder.enter.weight"])

    frozen = ("optimiser.learning_rate=0", "adversarial.probability=1")
    train(tiny(*DISCRIMINATOR, *frozen, "run.steps=1"), tmp_path / "short2")
    train(tiny(*DISCRIMINATOR, *frozen), tmp_path / "long2")
    short, long = (load_checkpoint(tmp_path / name / LAST) for name in ("short2", "long2"))
    assert torch.equal(short["model"]["encoder.enter.weight"], long["model"]["encoder.enter.weight"])
    assert any(
        not torch.equal(short["discriminator"][name], long["discriminator"][name]) for name in long["discriminator"]
    )


def test_gradients_that_are_not_finite_are_not_followed(tiny, train, tmp_path):
    class Spoiled(L.Fabric):
        def backward(self, tensor, *args, **kwargs):
            super().backward(tensor * math.nan, *args, **kwargs)

    train(tiny("run.steps=1"), tmp_path / "good")
    train(tiny("run.steps=2"), tmp_path / "bad", Spoiled(accelerator="cpu", precision="32-true"))
    bad = load_checkpoint(tmp_path / "bad" / LAST)
    assert bad["step"] == 2
    assert all(value.isfinite().all() for value in bad["model"].values())
    assert all(value.isfinite().all() for value in bad["average"].values())


# Validation and the best checkpoint.


def test_validation_comes_when_due_and_the_best_is_kept(tiny, train, tmp_path):
    train(tiny("run.validate_every=2", "run.steps=7"), tmp_path)
    values = logged(tmp_path, "valid")
    steps = {step for step, _ in values}
    assert steps == {2, 4, 6, 7}
    name = "pesq_wb@2" if (2, "pesq_wb@2") in values else "mel@2"
    best = load_checkpoint(tmp_path / BEST)
    quality = {step: values[step, name] * (-1 if name == "mel@2" else 1) for step in steps}
    assert quality[best["step"]] == max(quality.values())
    assert best["best"] == pytest.approx(max(quality.values()), rel=1e-4)


FROZEN_BOOKS = ("model.bottleneck.decay=1.0", "model.bottleneck.dropout=0", "model.bottleneck.restart_every=1000")


def test_two_batches_accumulated_are_one_of_twice_the_size(tiny, train, trained, tmp_path):
    once = ("run.steps=1", "losses=[{name: mel}]", "optimiser.warmup_steps=0", *FROZEN_BOOKS)
    moved = []
    for name, batch, parts in (("one", 4, 1), ("two", 2, 2)):
        recipe = tiny(*once, f"data.batch={batch}", f"optimiser.accumulate={parts}")
        train(recipe, tmp_path / name, start_from=trained / LAST)
        moved.append(load_checkpoint(tmp_path / name / LAST))
        assert logged(tmp_path / name)[1, "mel"] == pytest.approx(logged(tmp_path / "one")[1, "mel"], rel=1e-3)
    # Adam's first moments are the gradients: they tell more than its first steps, which are all of one size. They are
    # not quite equal, as books that were averaged are put right by the first batch.
    one, two = (
        torch.cat([moments["exp_avg"].flatten() for moments in state["optimiser"]["state"].values()]) for state in moved
    )
    assert (one - two).norm() < 0.03 * one.norm()


def test_one_at_a_time_the_codec_waits_while_the_discriminator_learns(tiny, train, tmp_path):
    first = ("adversarial.one_at_a_time=true", "adversarial.probability=1", *FROZEN_BOOKS)
    # Within the margins of `hinge`, what originals and decoded ones ask of the last bias cancels: it would stay.
    first += ("adversarial.loss=least_squares",)
    recipe = tiny(*DISCRIMINATOR, *first, "run.steps=2", "run.ema_decay=0")
    trainer = Trainer(recipe, tmp_path, L.Fabric(accelerator="cpu", precision="32-true"))
    codec = {name: p.clone() for name, p in trainer.plain_model.named_parameters()}
    judge = {name: p.clone() for name, p in trainer.task.game.discriminator.named_parameters()}
    trainer.run()
    assert all(torch.equal(p, codec[name]) for name, p in trainer.plain_model.named_parameters())
    assert not any(torch.equal(p, judge[name]) for name, p in trainer.task.game.discriminator.named_parameters())
    assert not any(name == "adversarial" for _, name in logged(tmp_path))


@pytest.mark.parametrize("name", ["ema", "gradient"])
def test_balanced_losses_fall_too_and_are_logged_raw_and_weighted(tiny, train, tmp_path, name):
    train(tiny("run.steps=60", f"balancer={{name: {name}}}", *FROZEN_BOOKS[1:]), tmp_path)
    values = logged(tmp_path)
    for loss in ("mel", "complex_stft"):
        assert values[60, loss] < values[1, loss]
        assert values[60, f"weighted/{loss}"] > 0


@pytest.mark.parametrize("name", ["none", "ema", "gradient"])
def test_balancers_work_in_mixed_precision_too(tiny, train, tmp_path, name):
    recipe = tiny("run.steps=2", "run.precision=bf16-mixed", f"balancer={{name: {name}}}", *DISCRIMINATOR)
    train(recipe, tmp_path)
    assert logged(tmp_path)[2, "gradient_norm"] > 0


def test_tensorboard_hears_and_sees_clips_at_each_validation(tiny, train, tmp_path):
    train(tiny("run.validate_every=3"), tmp_path)
    events = EventAccumulator(str(tmp_path), size_guidance={"audio": 0, "images": 0}).Reload()
    tags = {f"clip {number}/{name}" for number in range(2) for name in ("original", "decoded")}
    assert set(events.Tags()["audio"]) == set(events.Tags()["images"]) == tags
    for tag in tags:
        assert [event.step for event in events.Audio(tag)] == [3, 6]
        assert events.Audio(tag)[0].length_frames == 16_000


# What can go wrong.


@pytest.mark.parametrize(
    "overrides, error, hint",
    [
        (("losses=[]",), SettingsError, "names no losses"),
        (("optimiser.schedule=linear",), SettingsError, "constant"),
        (("balancer={name: fair}",), SettingsError, "gradient"),
        (("run.compile=gcc",), SettingsError, "inductor"),
        (("adversarial.share=0",), SettingsError, "at most 1"),
        (("adversarial.loss=wasserstein",), SettingsError, "least_squares"),
        (("model.sample_rate=24000", "model.pitch=false"), SettingsError, "condition"),
        (("losses=[{name: time}, {name: time}]",), SettingsError, "'time' twice"),
        (("losses=[{name: noise}]",), SettingsError, "complex_stft, loudness, mel"),
        (("losses=[{name: time, power: 2}]",), SettingsError, "no power"),
        (("model.encoder.widht=3",), SettingsError, "no widht"),
        (("model.colour=red",), SettingsError, "no colour"),
        (("adversarial.discriminator={name: stft, scales: 3}",), SettingsError, "no scales"),
        (("data.corpus=/missing",), DataError, "brevox data prepare"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(tiny, tmp_path, overrides, error, hint):
    with pytest.raises(error, match=hint):
        Trainer(tiny(*overrides), tmp_path, L.Fabric(accelerator="cpu"))


def test_a_corpus_of_one_speaker_alone_says_what_is_missing(tiny, recordings, tmp_path):
    sources = [source for source in manifest_sources(recordings) if source.speaker == "ada"]
    prepare(sources, tmp_path / "corpus", jobs=1)
    assert json.loads((tmp_path / "corpus" / "corpus.json").read_text())["shards"] == 1
    with pytest.raises(DataError, match="'valid'"):
        Trainer(tiny(f"data.corpus={tmp_path / 'corpus'}"), tmp_path / "run", L.Fabric(accelerator="cpu"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_on_a_gpu(tiny, train, tmp_path, precision):
    recipe = tiny(*DISCRIMINATOR, f"run.precision={precision}", "run.validate_every=3", "run.checkpoint_every=3")
    train(recipe, tmp_path, L.Fabric(accelerator="cuda", devices=1, precision=precision))
    values = logged(tmp_path)
    assert all(math.isfinite(values[step, "total"]) for step in range(1, 7))
    more = tiny(*DISCRIMINATOR, f"run.precision={precision}", "run.steps=8")
    assert train(more, tmp_path, L.Fabric(accelerator="cuda", devices=1, precision=precision)).step == 8
