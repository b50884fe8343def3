import pytest
import torch

from brevox.losses.channel_average import channel_average_loss
from brevox.losses.multi_spectral import MultiSpectralLoss
from brevox.losses.repulsion import judgement_gap, repulsion


def judgement(*logits):
    return [(torch.as_tensor(scale, dtype=torch.float32), []) for scale in logits]


def test_the_gap_is_the_mean_distance_of_answers():
    real, decoded = judgement([1.0, 2.0], [0.0]), judgement([0.0, 4.0], [2.0])
    assert judgement_gap(real, decoded).item() == pytest.approx((1.5 + 2) / 2)
    assert judgement_gap(real, real).item() == 0


def test_repulsion_falls_as_answers_part_and_pushes_them_apart():
    logit = torch.tensor([0.1], requires_grad=True)
    near, far = (repulsion(judgement_gap(judgement([0.0]), [(logit * k, [])])) for k in (1, 5))
    assert near > far > 0
    near.backward()
    assert logit.grad < 0  # a step down the gradient takes it further from 0
    assert torch.isfinite(repulsion(torch.zeros(())))


def test_stages_whose_mean_is_the_signal_cost_nothing():
    torch.manual_seed(0)
    audio = torch.randn(2, 24)
    slow = audio.view(2, 8, 3).mean(dim=2)
    swing = torch.randn(2, 1, 1, 8)
    stages = [slow[:, None, None] + torch.cat([swing, -swing], dim=1), audio[:, None, None].repeat(1, 4, 1, 1)]
    assert channel_average_loss(stages, audio).item() == pytest.approx(0, abs=1e-6)
    assert channel_average_loss([stages[0] + 0.5, stages[1]], audio).item() == pytest.approx(0.25, abs=1e-6)


@pytest.mark.parametrize("rate", [16_000, 24_000])
def test_the_spectral_loss_hears_every_window(rate):
    loss = MultiSpectralLoss(rate)
    assert loss.scales.windows == [2**n for n in range(5, 12)]
    audio = 0.1 * torch.randn(2, 4096)
    assert loss(audio, audio).item() == 0
    fainter = torch.stack([loss(audio * gain, audio) for gain in (0.9, 0.5, 0.1)])
    assert (fainter.diff() > 0).all()
    heard = audio.clone().requires_grad_()
    loss(heard, audio.flip(0)).backward()
    assert torch.isfinite(heard.grad).all() and heard.grad.abs().sum() > 0


def test_the_spectral_loss_equals_its_definition_for_one_window():
    """sqrt(w / 2) times the mean square of log differences, and the mean difference: gains tell both."""
    audio = torch.sin(torch.arange(8192) * 0.3)[None]
    loss = MultiSpectralLoss(16_000, windows=[256], bands=20, floor=1e-9)
    linear = MultiSpectralLoss(16_000, windows=[256], bands=20, floor=1e9)
    whole, difference = loss(2 * audio, audio).item(), linear(2 * audio, audio).item()
    assert whole - difference == pytest.approx(128**0.5 * torch.tensor(2.0).log().item() ** 2, rel=0.01)
