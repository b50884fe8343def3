import numpy as np
import pytest
import torch

from brevox.errors import SettingsError
from brevox.nets.decoders.samples import Logistics, MuLaw
from brevox.nets.decoders.wavenet import WaveNetDecoder
from brevox.nets.units import build_units

KINDS = [{"name": "mulaw"}, {"name": "logistics", "mixtures": 3}]
HOP = 16


@pytest.fixture(params=KINDS, ids=lambda kind: kind["name"])
def wavenet(request):
    """A small one in double precision, whose weights make it say something."""
    torch.manual_seed(2)
    net = WaveNetDecoder(4, 3, HOP, width=6, skip=8, condition=5, layers=4, cycles=2, samples=request.param).double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(2)
    return net.eval()


def told(batch=2, frames=5):
    return torch.randn(batch, 4, frames, dtype=torch.double), torch.randn(batch, 3, dtype=torch.double)


def test_the_cached_sampler_is_the_naive_one_sample_by_sample(wavenet):
    """The naive one runs all of the training network for each sample, over more than all layers look back."""
    latent, speaker = told()
    torch.manual_seed(5)
    cached = list(wavenet.frames(latent, speaker))
    torch.manual_seed(5)
    audio = torch.zeros(2, HOP * 5, dtype=torch.double)
    for frame in range(5):
        uniform = torch.rand(HOP, 2, wavenet.distribution.draws, dtype=torch.double)
        for place, draws in enumerate(uniform):
            number = frame * HOP + place
            with torch.no_grad():
                outputs = wavenet.outputs(latent, speaker, audio)[:, :, number]
            audio[:, number] = wavenet.distribution.draw(outputs, draws)
        torch.testing.assert_close(cached[frame], audio[:, frame * HOP : (frame + 1) * HOP], rtol=0, atol=1e-10)
    assert audio.std() > 0.01
    torch.manual_seed(5)
    torch.testing.assert_close(wavenet.decode(latent, speaker), audio, rtol=0, atol=1e-10)


def test_a_sample_depends_on_those_before_it_alone(wavenet):
    latent, speaker = told()
    audio = torch.rand(2, HOP * 5, dtype=torch.double) - 0.5
    changed = audio.clone()
    changed[:, 40] += 0.3
    before, after = (wavenet.outputs(latent, speaker, sound) for sound in (audio, changed))
    assert torch.equal(before[:, :, :41], after[:, :, :41])
    moved = (before != after).any(dim=1).any(dim=0).nonzero()[:, 0]
    assert moved[0] == 41
    assert moved[-1] == 40 + 1 + 2 * (2**4 - 1)  # as far as two cycles of four layers look back


def test_items_of_a_batch_do_not_hear_each_other(wavenet):
    latent, speaker = told(3)
    audio = torch.rand(3, HOP * 5, dtype=torch.double) - 0.5
    whole = wavenet.outputs(latent, speaker, audio)
    for item in range(3):
        alone = wavenet.outputs(latent[item : item + 1], speaker[item : item + 1], audio[item : item + 1])
        torch.testing.assert_close(alone[0], whole[item])


def test_latents_and_speakers_matter_in_their_frames(wavenet):
    latent, speaker = told(1, 9)
    audio = torch.zeros(1, HOP * 9, dtype=torch.double)
    changed = latent.clone()
    changed[:, :, 6] += 1
    before, after = (wavenet.outputs(values, speaker, audio) for values in (latent, changed))
    moved = (before != after).any(dim=1)[0]
    assert not moved[: 5 * HOP].any()  # the context looks one frame ahead
    assert moved[5 * HOP : 8 * HOP].all()
    assert (wavenet.outputs(latent, speaker + 1, audio) != before).all(dim=1).all()


@pytest.mark.parametrize("samples", KINDS, ids=lambda kind: kind["name"])
def test_it_learns_a_tone_and_draws_it(samples):
    torch.manual_seed(0)
    net = WaveNetDecoder(2, 1, HOP, width=12, skip=16, condition=4, layers=5, cycles=1, samples=samples)
    latent, speaker = torch.zeros(4, 2, 20), torch.zeros(4, 1)
    phase = 2 * torch.pi * (torch.arange(HOP * 20) / 16 + torch.rand(4, 1))
    tone = 0.5 * torch.sin(phase)
    optimiser = torch.optim.Adam(net.parameters(), 0.01)
    losses = []
    for _ in range(120):
        loss = net(latent, speaker, tone)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 1
    drawn = net.decode(latent[:1], speaker[:1])[0, HOP * 4 :]
    spectrum = drawn.numpy() @ np.exp(-2j * np.pi * np.outer(np.arange(len(drawn)), np.arange(8)) / 16)
    assert np.abs(spectrum)[1:].argmax() == 0


# Distributions.


def test_mu_law_is_fine_where_it_is_quiet_and_comes_back():
    mulaw = MuLaw()
    classes = torch.arange(256)
    samples = mulaw.samples(classes)
    assert torch.equal(mulaw.classes(samples), classes)
    assert samples[0] == -1 and samples[255] == 1
    steps = samples.diff()
    assert steps.min() < 1e-3 < 1e-2 < steps.max()
    torch.testing.assert_close(samples, -samples.flip(0))


@pytest.mark.parametrize("width", [-12.0, -9.0, -5.0, -1.0, 2.0])
def test_chances_of_all_levels_of_logistics_add_up_to_one(width):
    levels = torch.arange(65536, dtype=torch.double) / 65535 * 2 - 1
    outputs = torch.tensor([0.3, -1.0, 0.2, -0.4, 0.99, 1.5, width, width, width], dtype=torch.double)
    chance = Logistics(3).log_chance(outputs[None, :, None], levels[None]).exp()
    assert chance.min() >= 0
    assert chance.sum().item() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("kind", [MuLaw(), Logistics(3)], ids=["mulaw", "logistics"])
def test_what_is_drawn_is_distributed_as_it_should(kind):
    torch.manual_seed(0)
    outputs = torch.randn(1, kind.channels, dtype=torch.double)
    drawn = kind.draw(outputs.expand(40_000, -1), torch.rand(40_000, kind.draws, dtype=torch.double))
    if isinstance(kind, MuLaw):
        values, chance = kind.samples(torch.arange(256).double()), outputs[0].softmax(dim=0)
    else:
        values = torch.arange(65536, dtype=torch.double) / 65535 * 2 - 1
        chance = kind.log_chance(outputs[:, :, None], values[None])[0].exp()
    for edge in (-0.9, -0.5, 0.0, 0.3, 0.9):
        assert (drawn <= edge).double().mean().item() == pytest.approx(chance[values <= edge].sum().item(), abs=0.01)


@pytest.mark.parametrize("kind", [MuLaw(), Logistics(2)], ids=["mulaw", "logistics"])
def test_losses_are_finite_with_gradients_whatever_comes(kind):
    outputs = (torch.randn(2, kind.channels, 50) * 30).requires_grad_()
    samples = torch.linspace(-1, 1, 100).view(2, 50)
    loss = kind.loss(outputs, samples)
    loss.backward()
    assert loss.isfinite() and outputs.grad.isfinite().all()


# As the decoder of a model.


def test_codes_in_another_voice():
    settings = {
        "latent": 6,
        "speaker": 4,
        "target": "audio",
        "encoder": {"name": "mfcc", "width": 8},
        "bottleneck": {"name": "vq", "codes": 7},
        "decoder": {"name": "wavenet", "width": 6, "skip": 6, "condition": 6, "layers": 3, "cycles": 1},
    }
    torch.manual_seed(0)
    model = build_units(settings, speakers=3)
    loss, quantised = model(torch.randn(2, 8, 39), torch.rand(2, 1280) - 0.5, torch.tensor([0, 2]))
    loss.backward()
    assert (model.voices.weight.grad.abs().sum(dim=1) > 0).tolist() == [True, False, True]
    voices = []
    for speaker in (0, 0, 1):
        torch.manual_seed(1)
        voices.append(model.eval().decode(quantised.codes[:1, 0], torch.tensor([speaker])))
    assert voices[0].shape == (1, 1280)
    assert torch.equal(voices[0], voices[1])
    assert not torch.equal(voices[0], voices[2])
    with pytest.raises(SettingsError, match="logistics, mulaw"):
        build_units(settings | {"decoder": {"name": "wavenet", "samples": {"name": "gauss"}}}, 1)
