"""Networks of sounds: the sizes that seed 002 prints, flows that know their volume, latents and voices."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from brevox.errors import SettingsError
from brevox.nets.bottlenecks.entanglement import entanglement
from brevox.nets.bottlenecks.flows import FLOWS
from brevox.nets.bottlenecks.gaussian import GaussianBottleneck
from brevox.nets.layers import layers
from brevox.nets.sounds import build_sounds
from brevox.nets.spectrogram_cnn import SHAPES, sizes
from brevox.nets.voice_head import CHOICES, NUMBERS, VoiceHead, said_voice, voice_losses
from brevox.synth.spectrogram import FrontEnd
from brevox.synth.voice import INIT_VOICE, PARAMETERS, SOUNDING, Voice

SMALL = FrontEnd(bands=40, frames=50)


def sound_model(front=SMALL, shape="speccnn8l1", **changes):
    settings = {
        "latent": 8,
        "encoder": {"name": "spectrogram_cnn", "shape": shape},
        "bottleneck": {"name": "gaussian"},
        "decoder": {"name": "spectrogram_cnn", "shape": shape},
    }
    return build_sounds(settings | changes, front)


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_parameters_are_as_many_as_seed_002_prints():
    model = sound_model(FrontEnd(), latent=256)
    assert count(model.encoder) == 9_618_096
    assert count(model.decoder) == 6_481_073
    down = [count(layer[0]) for layer in model.encoder.stack]
    assert down[:3] == [208, 2_064, 8_224]
    assert [count(layer[2]) for layer in model.encoder.stack][:2] == [16, 32]
    assert count(model.decoder.enter) == 3_158_016
    assert [count(layer[0]) for layer in list(model.decoder.stack)[:2]] == [524_800, 2_097_408]
    assert count(model.decoder.stack[0][2]) == 1_024


def test_the_table_counts_every_parameter_once():
    model = sound_model(FrontEnd(), latent=256)
    rows = layers(model.encoder, torch.zeros(2, 257, 347))
    assert sum(row.parameters for row in rows) == 9_618_096
    assert rows[0] == ("stack.0.0", "Conv2d", (2, 8, 129, 174), 208)
    assert rows[-1].kind == "Linear" and rows[-1].shape == (2, 512)


def test_shapes_are_those_that_seed_002_prints():
    model = sound_model(FrontEnd(), latent=256).eval()
    seen = []
    for layer in [*model.encoder.stack, *model.decoder.stack]:
        layer.register_forward_hook(lambda _, __, made: seen.append(tuple(made.shape[1:])))
    with torch.no_grad():
        described = model.encoder(torch.zeros(2, 257, 347))
        assert described.shape == (2, 2, 256)
        assert model.decoder(described[:, 0]).shape == (2, 257, 347)
    down = [(8, 129, 174), (16, 65, 88), (32, 33, 45), (64, 17, 23), (128, 9, 12), (256, 5, 7), (512, 3, 4)]
    assert seen[:8] == [*down, (1024, 3, 4)]
    assert seen[8:] == [*reversed(down), (1, 257, 347)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("rows, frames", [(257, 347), (513, 347), (64, 100), (33, 41)])
def test_any_size_comes_back(shape, rows, frames):
    front = FrontEnd(bands=rows if rows != 513 else 0, frames=frames)
    model = sound_model(front, shape).eval()
    assert model.decode(model.encode(torch.zeros(1, rows, frames))).shape == (1, rows, frames)
    assert sizes(SHAPES[shape], rows, frames)[0] == (rows, frames)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "elu"])
@pytest.mark.parametrize("output", ["none", "tanh"])
def test_options(activation, output):
    decoder = {"name": "spectrogram_cnn", "activation": activation, "output": output, "dropout": 0.1}
    encoder = {"name": "spectrogram_cnn", "activation": activation, "dropout": 0.1}
    model = sound_model(encoder=encoder, decoder=decoder)
    torch.manual_seed(0)
    decoded = model.decode(100 * torch.randn(2, 8))
    assert (decoded.abs().max() <= 1) == (output == "tanh")


@pytest.mark.parametrize(
    "wrong",
    [
        {"encoder": {"name": "spectrogram_cnn", "shape": "vgg"}},
        {"encoder": {"name": "spectrogram_cnn", "activation": "gelu"}},
        {"decoder": {"name": "spectrogram_cnn", "output": "sigmoid"}},
        {"bottleneck": {"name": "gaussian", "flow": {"name": "glow"}}},
        {"head": {"width": 3}},
    ],
)
def test_what_there_is_not_is_told(wrong):
    with pytest.raises(SettingsError):
        sound_model(**wrong)


@pytest.mark.parametrize("flow", [{"name": "planar", "layers": 3}, {"name": "realnvp", "layers": 3, "hidden": 16}])
@pytest.mark.parametrize("latent", [4, 5])
def test_flows_know_their_change_of_volume(flow, latent):
    torch.manual_seed(1)
    made = FLOWS.build(flow, latent=latent)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    point = torch.randn(1, latent)
    _, volume = made(point)
    jacobian = torch.autograd.functional.jacobian(lambda z: made(z)[0], point)[0, :, 0]
    assert torch.linalg.slogdet(jacobian)[1].item() == pytest.approx(volume.item(), abs=1e-4)


@pytest.mark.parametrize("name", ["planar", "realnvp"])
def test_new_flows_are_the_identity(name):
    points = torch.randn(5, 6)
    moved, volume = FLOWS.build({"name": name, "layers": 4}, latent=6)(points)
    assert torch.allclose(moved, points, atol=1e-5) and volume.abs().max() < 1e-5


def test_draws_have_the_mean_and_spread_that_are_described():
    torch.manual_seed(0)
    described = torch.stack([torch.full((20_000, 2), 3.0), torch.full((20_000, 2), 2 * np.log(0.5))], dim=1)
    bottleneck = GaussianBottleneck(2)
    drawn = bottleneck(described).latent
    assert drawn.mean().item() == pytest.approx(3.0, abs=0.02) and drawn.std().item() == pytest.approx(0.5, abs=0.01)
    assert torch.equal(bottleneck.eval()(described).latent, described[:, 0])


def test_entanglement_is_one_for_copies_and_nearly_nothing_for_chance():
    draw = np.random.default_rng(0)
    chance = draw.normal(size=(400, 6))
    assert entanglement(chance) == pytest.approx(np.sqrt(2 / np.pi / 400), abs=0.02)
    copies = np.exp(chance[:, :1] * [1, 2, -1])  # ranks know no scale
    assert entanglement(copies) == pytest.approx(1.0)


def test_a_perfect_head_says_the_voice():
    draw = np.random.default_rng(3)
    voice = Voice(bytes(int(draw.integers(p.maximum + 1)) for p in PARAMETERS)).named("ANY NAME")
    options = [torch.nn.functional.one_hot(torch.tensor(voice.values[i]), SOUNDING[i].maximum + 1) for i in CHOICES]
    numbers = torch.tensor([voice.values[i] / SOUNDING[i].maximum for i in NUMBERS])
    said = torch.cat([numbers, *(50.0 * option for option in options)])
    assert said_voice(said, "ANY NAME") == voice
    squared, entropy = voice_losses(said[None], torch.tensor(list(voice.values))[None])
    assert squared.item() == pytest.approx(0, abs=1e-12) and entropy.item() == pytest.approx(0, abs=1e-6)


def test_the_head_speaks_of_all_that_sounds():
    assert sorted(NUMBERS + CHOICES) == list(range(145))
    assert "algorithm" in {SOUNDING[i].name for i in CHOICES} and "op3_coarse" in {SOUNDING[i].name for i in CHOICES}
    assert "op1_output_level" in {SOUNDING[i].name for i in NUMBERS}
    head = VoiceHead(8).eval()
    said = head(torch.randn(1, 8), torch.tensor([60.0]), torch.tensor([100.0]))
    assert said_voice(said[0], "a far too long name").name == "a far too"
    assert len(INIT_VOICE.values) == 155
