"""Losses of autoencoders of spectrograms: nothing where all is well, and what their formulas say elsewhere."""

from __future__ import annotations

import pytest
import torch

from brevox.errors import SettingsError
from brevox.losses.sounds import SOUND_LOSSES
from brevox.nets.bottlenecks.flows import FLOWS
from brevox.nets.bottlenecks.gaussian import Drawn, GaussianBottleneck
from brevox.nets.sounds import Heard

ROWS, FRAMES = 20, 30


def loss(name, **settings):
    return SOUND_LOSSES.build({"name": name, **settings}, rows=ROWS, frames=FRAMES, range_db=120.0)


def heard(picture, drawn=None, voice=None):
    if drawn is None:
        zeros = torch.zeros(len(picture), 3)
        drawn = Drawn(zeros, zeros, zeros, zeros, torch.zeros(len(picture)))
    return Heard(picture, drawn, voice)


@pytest.mark.parametrize("name", ["squared", "convergence"])
def test_equal_pictures_lose_nothing(name):
    picture = torch.rand(2, ROWS, FRAMES) * 2 - 1
    assert loss(name)(picture, heard(picture), None, 0).item() == pytest.approx(0, abs=1e-6)
    assert loss(name)(picture, heard(picture + 0.1), None, 0).item() > 0.001


def test_weights_do_not_change_the_scale():
    picture = torch.zeros(1, ROWS, FRAMES)
    weighted = loss("squared", low=4.0, attack=3.0, release=2.0, edge=5, release_frame=20)
    assert weighted(picture, heard(picture + 1), None, 0).item() == pytest.approx(1.0)
    low, high = picture.clone(), picture.clone()
    low[:, 0, 10], high[:, -1, 10] = 1, 1
    ratio = weighted(picture, heard(low), None, 0) / weighted(picture, heard(high), None, 0)
    assert ratio.item() == pytest.approx(4.0)


def test_convergence_is_that_of_magnitudes():
    picture = torch.full((1, ROWS, FRAMES), 0.5)
    halved = picture - 6.0206 / 60  # dB of a half, of 60 to a unit
    assert loss("convergence")(picture, heard(halved), None, 0).item() == pytest.approx(0.5, abs=1e-4)


def test_divergence_is_the_textbooks():
    mean, log_variance = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, -2.0]])
    drawn = Drawn(mean, log_variance, mean, mean, torch.zeros(1))
    theirs = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, (0.5 * log_variance).exp()), torch.distributions.Normal(0.0, 1.0)
    ).mean()
    picture = torch.zeros(1, ROWS, FRAMES)
    full = loss("kl", beta_from=1.0)(picture, heard(picture, drawn), None, 0)
    assert full.item() == pytest.approx(theirs.item(), abs=1e-6)
    warm = loss("kl", beta_from=0.5, beta_steps=10)
    for step, beta in ((0, 0.5), (5, 0.75), (10, 1.0), (50, 1.0)):
        assert warm(picture, heard(picture, drawn), None, step).item() == pytest.approx(beta * theirs.item(), abs=1e-6)


@pytest.mark.parametrize("flow", [None, {"name": "realnvp", "layers": 2}, {"name": "planar", "layers": 2}])
def test_divergence_after_a_flow_is_estimated_rightly(flow):
    """A flow after which the latent is normal loses nothing; without one the estimate comes near the exact value."""
    torch.manual_seed(0)
    described = torch.stack([torch.full((40_000, 2), 0.7), torch.full((40_000, 2), -1.0)], dim=1)
    bottleneck = GaussianBottleneck(2, flow)
    drawn = bottleneck(described)
    picture = torch.zeros(1, ROWS, FRAMES)
    exact = loss("kl", beta_from=1.0)(picture, heard(picture, drawn), None, 0).item()
    estimated = loss("kl", beta_from=1.0, after_flow=True)(picture, heard(picture, drawn), None, 0).item()
    assert estimated == pytest.approx(exact, abs=0.05)  # new flows are the identity
    assert FLOWS.kind == "flow"


def test_discrepancy_is_small_for_normal_latents_only():
    torch.manual_seed(0)
    picture, nothing = torch.zeros(1, ROWS, FRAMES), torch.zeros(200)

    def of(latents):
        drawn = Drawn(latents, latents, latents, latents, nothing)
        return loss("mmd")(picture, heard(picture, drawn), None, 0).item()

    normal = of(torch.randn(200, 16))
    assert abs(normal) < 0.05
    assert of(torch.randn(200, 16) + 2) > 10 * abs(normal)
    assert of(3 * torch.randn(200, 16)) > 10 * abs(normal)
    with pytest.raises(SettingsError, match="batch"):
        of(torch.randn(1, 16))


def test_guessing_needs_a_head():
    picture = torch.zeros(1, ROWS, FRAMES)
    with pytest.raises(SettingsError, match="head"):
        loss("voice")(picture, heard(picture), torch.zeros(1, 155), 0)
