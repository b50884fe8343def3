"""Networks of the vocoder's features: their layers as the seed has them, scaling there and back, noise, quantisers."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from brevox.errors import DataError, SettingsError
from brevox.losses.envelopes import ENVELOPE_LOSSES
from brevox.nets.bottlenecks.fsq import FiniteScalarQuantiser
from brevox.nets.bottlenecks.noise import Noise
from brevox.nets.vocoder.model import build_vocoder

#: Sizes from layer to layer, as seed 000 lists them; d is 10.
LAYERS = {
    ("f", None): [22, 512, 512, 79],
    ("ae1", 1): [20, 512, 10, 512, 20],
    ("ae1", 2): [20, 512, 10, 512, 20],
    ("ae1", 4): [20, 512, 10, 512, 20],
    ("ae1", 5): [20, 512, 10, 512, 20],
    ("ae1", 6): [20, 512, 10, 512, 20],
    ("ae1", 7): [20, 20],
    ("ae2", 1): [79, 512, 10, 512, 512, 79],
    ("ae2", 2): [79, 512, 256, 10, 256, 512, 512, 79],
    ("ae3", 1): [22, 512, 512, 10, 512, 512, 79],
    ("ae3", 2): [22, 256, 128, 10, 128, 256, 79],
    ("ae3", 3): [22, 22, 22, 22, 10, 512, 512, 79],
    ("ae3", 4): [22, 512, 512, 10, 10, 512, 512, 79],
    ("ae4", 1): [20, 512, 10, 512, 20],
    ("ae4", 2): [20, 64, 512, 10, 512, 64, 20],
    ("ae4", 3): [20, 64, 64, 10, 64, 64, 20],
    ("ae4", 4): [20, 512, 256, 10, 256, 512, 20],
    ("ae4", 5): [20, 512, 256, 10, 256, 512, 20],
    ("ae4", 6): [20, 512, 256, 10, 256, 512, 20],
}
ALL = [*LAYERS, ("ae1", 3)]


def built(network, variant=None, **settings):
    chosen = {} if variant is None else {"variant": variant}
    torch.manual_seed(0)
    return build_vocoder({"network": network, **chosen, **settings}).eval()


def features(kind, frames, seed=0):
    """Rows of a file of `b` or `y`."""
    draw = np.random.default_rng(seed)
    levels = draw.normal(40, 10, (frames, 79 if kind == "y" else 20))
    if kind == "y":
        return levels.astype(np.float32)
    wo = 2 * np.pi * draw.uniform(60, 350, frames) / 8000
    return np.column_stack([levels, wo, draw.integers(0, 2, frames)]).astype(np.float32)


def of(model, frames, seed=0):
    return features("y" if model.inputs == "y" else "b", frames, seed)


def narrow(model, rows):
    """What the network makes of latents that were not touched."""
    return model.decode(model.encode(rows), rows)


@pytest.mark.parametrize(("network", "variant"), LAYERS)
def test_layers_are_those_of_the_seed(network, variant):
    linear = [m for m in built(network, variant).modules() if isinstance(m, nn.Linear)]
    sizes = LAYERS[network, variant]
    assert [(m.in_features, m.out_features) for m in linear] == list(pairwise(sizes))


def test_what_lies_in_the_narrow_place():
    tanh, rectified = {("ae1", 2), ("ae1", 4), ("ae4", 5), ("ae4", 6)}, {("ae1", 1), ("ae1", 6)}
    tanh |= {("ae2", v) for v in (1, 2)} | {("ae3", v) for v in (1, 2, 3, 4)}
    rectified |= {("ae4", v) for v in (1, 2, 3, 4)} | {("ae1", 3)}
    for network, variant in tanh | rectified:
        model = built(network, variant, **({"ncat": 4} if (network, variant) == ("ae1", 3) else {}))
        with torch.no_grad():
            for parameter in model.encoder.parameters():
                parameter *= 30
        latent = model.encode(of(model, 400))
        if (network, variant) in tanh:
            assert -1 <= latent.min() < -0.9 < 0.9 < latent.max() <= 1
        else:
            assert latent.min() == 0
            assert latent.max() > 1
    assert any(isinstance(m, nn.BatchNorm1d) for m in built("ae4", 6).modules())


@pytest.mark.parametrize("ncat", [1, 2, 4])
@pytest.mark.parametrize(("network", "variant"), ALL)
def test_features_come_back_in_the_file_s_layout(network, variant, ncat):
    if (network, variant) == ("ae1", 3) and ncat < 4:
        pytest.skip("four frames make one vector")
    model = built(network, variant, ncat=ncat)
    rows = of(model, 11)
    made = model.through(rows)
    assert made.shape == (11, 79 if model.target == "y" else 22)
    if model.target == "levels":  # pitch and voicing pass by
        np.testing.assert_array_equal(made[:, 20:], rows[:, 20:])
    if model.latent:
        latents = model.encode(rows)
        per_item = {("ae1", 3): ncat // 4, ("ae1", 7): ncat}.get((network, variant), 1)
        assert latents.shape == (math.ceil(11 / ncat) * per_item, 20 if (network, variant) == ("ae1", 7) else 10)
    if isinstance(model.bottleneck, Noise) and model.latent:
        np.testing.assert_allclose(narrow(model, rows), made, atol=1e-4)


@pytest.mark.parametrize(("network", "variant"), ALL)
def test_what_is_louder_comes_back_louder(network, variant):
    """With `norm` a network sees the shape alone."""
    model = built(network, variant, ncat=4)
    rows = of(model, 8)
    louder = rows.copy()
    levels = 79 if model.inputs == "y" else 20
    louder[:, :levels] += 7
    difference = model.through(louder) - model.through(rows)
    np.testing.assert_allclose(difference[:, : 79 if model.target == "y" else 20], 7, atol=1e-3)


def test_without_norm_levels_are_seen_as_they_are():
    model = built("ae1", 2, norm=False)
    rows = of(model, 8)
    with torch.no_grad():
        straight = 20 * model.decoder(model.encoder(torch.from_numpy(rows[:, None, :20] / 20)))[:, 0].numpy()
    np.testing.assert_allclose(model.through(rows)[:, :20], straight, atol=1e-4)


def test_a_mean_is_taken_away_and_added():
    rows = features("b", 50)
    plain = built("ae1", 2)
    values = plain.prepare("levels", rows).values
    means = {"input_mean": values.mean(dim=0), "target_mean": values.mean(dim=0)}
    model = build_vocoder({"network": "ae1", "zero_mean": True}, means).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    frames = model.prepare("levels", rows)
    expected = 20 * means["target_mean"] + frames.energy_db[:, None]
    np.testing.assert_allclose(model.through(rows)[:, :20], expected, atol=1e-3)


def test_pitch_is_logarithmic_and_voicing_may_be_taken_for_granted():
    rows = features("b", 30)
    for assumed in (True, False):
        values = built("f", assume_voiced=assumed).prepare("b", rows).values.numpy()
        np.testing.assert_allclose(values[:, 20], np.log10(rows[:, 20]), rtol=1e-5)
        np.testing.assert_array_equal(values[:, 21], 1 if assumed else rows[:, 21])


@pytest.mark.parametrize("network", ["ae1", "ae2", "ae3", "ae4"])
def test_noise_is_new_for_every_frame_in_training_and_in_use(network):
    model = built(network, noise_var=4e-3)
    rows = np.repeat(of(model, 1), 4000, axis=0)
    latent = model._encode(model._items(model.prepare(model.inputs, rows).values))
    for training in (True, False):
        noise = (model.train(training).bottleneck(latent).latent - latent).detach().numpy()
        assert noise.var() == pytest.approx(4e-3, rel=0.05)
        assert abs(np.corrcoef(noise[:-1, 0, 0], noise[1:, 0, 0])[0, 1]) < 0.06  # of neighbours
        assert abs(np.corrcoef(noise[:, 0, 0], noise[:, 1, 0])[0, 1]) < 0.06  # of channels
    model.noise_var = 0.0
    np.testing.assert_array_equal(model.through(rows[:2]), model.through(rows[:2]))


@pytest.mark.parametrize("levels", [3, 5, 8])
def test_fsq_rounds_each_channel_to_so_many_steps(levels):
    quantiser = FiniteScalarQuantiser(3, levels)
    latent = torch.linspace(-6, 6, 4001).expand(1, 3, -1).clone().requires_grad_()
    made = quantiser(latent)
    steps = np.unique(made.latent.detach().numpy())
    assert len(steps) == levels
    np.testing.assert_allclose(np.diff(steps), 1 / (levels // 2), atol=1e-6)
    assert steps[0] == -1
    assert np.all(np.diff(made.latent[0, 0].detach().numpy()) >= 0)
    assert made.latent[0, 0, 2000] == 0  # what was 0 stays so
    made.latent.sum().backward()
    assert (latent.grad > 0).all()
    scattered = quantiser(3 * torch.randn(2, 3, 500))
    assert int(scattered.codes.max()) < levels**3
    torch.testing.assert_close(quantiser.decode(scattered.codes), scattered.latent)
    # Two of the same code are of the same latent, and the other way round.
    codes, latents = scattered.codes.flatten().tolist(), scattered.latent.mT.flatten(0, 1).tolist()
    pairs = {(c, tuple(v)) for c, v in zip(codes, latents, strict=True)}
    assert len(pairs) == len({c for c, _ in pairs}) == len({v for _, v in pairs})


@pytest.mark.parametrize(("variant", "nvq", "bits"), [(5, 2, 6), (6, 1, 9), (7, 3, 27)])
def test_quantised_variants_say_no_more_than_their_codes(variant, nvq, bits):
    torch.manual_seed(0)
    size = {"levels": 4, "bottle_dim": 3} if variant == 5 else {}
    model = build_vocoder({"network": "ae1", "variant": variant, "nvq": nvq, **size})
    rows = features("b", 600)
    model.train()(model._items(model.prepare("levels", rows).values))  # books begin with the first batch
    with torch.no_grad():
        quantised = model.eval()(model._items(model.prepare("levels", rows).values))[1]
    codes = quantised.codes
    torch.testing.assert_close(model.bottleneck.decode(codes), quantised.latent)
    assert 0 <= int(codes.min()) <= int(codes.max()) < (64 if variant == 5 else 512)
    books = codes.shape[1]
    assert books * np.log2(64 if variant == 5 else 512) == bits
    assert codes.shape[2] == (1 if variant == 7 else nvq)


def test_losses_are_the_formulas():
    draw = np.random.default_rng(0)
    made, target = draw.normal(-1, 0.5, (2, 7, 1, 79))
    tensors = torch.from_numpy(made), torch.from_numpy(target)
    squared = ENVELOPE_LOSSES.build({"name": "squared"})
    assert 400 * squared(*tensors) == pytest.approx(np.mean((20 * made - 20 * target) ** 2))
    for gamma in (0.0, 0.5, 0.85, 1.0):
        weighted = ENVELOPE_LOSSES.build({"name": "weighted", "gamma": gamma})
        expected = np.mean(((10**made - 10**target) * 10 ** (-(1 - gamma) * target)) ** 2)
        assert weighted(*tensors) == pytest.approx(expected)
    # With gamma 0 it is the quotient that counts, so that a little too much is what it is in dB.
    little = tensors[1] + 1e-4
    quotient = ENVELOPE_LOSSES.build({"name": "weighted", "gamma": 0.0})
    assert float(quotient(little, tensors[1])) == pytest.approx(
        math.log(10) ** 2 * float(squared(little, tensors[1])), rel=1e-3
    )


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"network": "ae5"}, "there are: ae1, ae2, ae3, ae4, f"),
        ({"network": "ae1", "variant": 8}, "variants 1 to 7"),
        ({"network": "ae2", "variant": 3}, "variants 1 to 2"),
        ({"network": "f", "variant": 1}, "takes no variant"),
        ({"network": "f", "bottle_dim": 10}, "takes no bottle_dim"),
        ({"network": "ae1", "variant": 3, "ncat": 2}, "does not fit"),
        ({"network": "ae1", "variant": 5, "noise_var": 1e-3}, "no use for model.noise_var"),
        ({"network": "ae1", "variant": 2, "nvq": 2}, "no use for model.nvq"),
        ({"network": "ae1", "variant": 7, "bottle_dim": 5}, "no use for model.bottle_dim"),
        ({"network": "ae1", "noise_var": -1.0}, "0 or more"),
        ({"network": "ae1", "variant": 5, "bottle_dim": 40}, "cannot be counted"),
        ({"network": "ae1", "variant": 5, "levels": 2}, "3 or more"),
        ({"network": "ae1", "ncat": 0}, "1 or more"),
        ({"network": "ae1", "zeromean": True}, "takes no zeromean"),
    ],
)
def test_what_does_not_fit_is_a_sentence(settings, told):
    with pytest.raises(SettingsError, match=told):
        build_vocoder(settings)


def test_other_features_are_refused():
    model = built("ae1", ncat=2)
    rows = features("b", 9)
    with pytest.raises(DataError, match="22 columns"):
        model.through(features("y", 9))
    with pytest.raises(DataError, match="9 frames have 5 latents of 10 numbers"):
        model.decode(np.zeros((9, 10), np.float32), rows)
    with pytest.raises(DataError, match="no pitch"):
        built("f").through(np.zeros((3, 22), np.float32))
    for one in (built("f"), built("ae1", 6)):
        with pytest.raises(SettingsError, match="no place for noise"):
            one.noise_var = 1e-3
    with pytest.raises(SettingsError, match="no narrow place"):
        built("f").encode(rows)
