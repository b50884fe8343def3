import pytest
import torch

from brevox.losses.adversarial import HingeGame
from brevox.nets.discriminators.stft import StftDiscriminator
from brevox.nets.parts import DISCRIMINATORS


def discriminator(windows=(128, 256)):
    torch.manual_seed(0)
    return DISCRIMINATORS.build({"name": "stft", "windows": windows, "channels": 4})


def noise(batch=2, samples=2000, seed=0):
    return 0.1 * torch.randn(batch, samples, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("samples", [100, 2000, 2001])
def test_logits_and_maps_of_every_resolution(samples):
    judgement = discriminator()(noise(3, samples))
    assert len(judgement) == 2
    for window, (logits, maps) in zip((128, 256), judgement, strict=True):
        frames = samples // (window // 4) + 1
        assert logits.shape[:3] == (3, 1, frames)
        assert len(maps) > 1
        assert all(m.shape[0] == 3 and m.shape[2] == frames for m in maps)
        assert not torch.equal(maps[0], maps[-1])


def test_items_of_a_batch_do_not_meet():
    judge, audio = discriminator(), noise()
    for (together, maps), (alone, alone_maps) in zip(judge(audio), judge(audio[1:]), strict=True):
        torch.testing.assert_close(together[1:], alone, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(maps[-1][1:], alone_maps[-1], atol=1e-5, rtol=1e-4)


def test_it_sees_phase():
    judge, audio = discriminator(), noise()
    for (_, maps), (_, flipped) in zip(judge(audio), judge(-audio), strict=True):
        assert (maps[0] - flipped[0]).std() > 0.1 * maps[0].std()


@pytest.mark.parametrize("level", [0.0, 1e-6, 1.0, 100.0])
def test_gradients_are_finite_at_any_level(level):
    judge, audio = discriminator(), (level * noise()).requires_grad_()
    sum(logits.mean() for logits, _ in judge(audio)).backward()
    assert audio.grad.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in judge.parameters())


def test_the_gradient_reaches_every_parameter_and_the_audio():
    judge, audio = discriminator(), noise().requires_grad_()
    sum(logits.mean() for logits, _ in judge(audio)).backward()
    assert all(parameter.grad.any() for parameter in judge.parameters())
    assert audio.grad.any(dim=1).all()


def test_it_learns_to_tell_noise_from_a_tone():
    judge = StftDiscriminator((128,), 4)
    optimiser = torch.optim.Adam(judge.parameters(), 1e-2)
    tone = 0.1 * torch.sin(torch.arange(1000) * 0.3).repeat(2, 1)
    for step in range(40):
        loss = HingeGame().discriminator_loss(judge(noise(samples=1000, seed=step)), judge(tone))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    unheard = HingeGame().discriminator_loss(judge(noise(samples=1000, seed=10**6)), judge(tone.roll(100, dims=1)))
    assert unheard < 0.3  # 2 where it cannot tell
