import numpy as np
import pytest
import torch

from brevox.errors import SettingsError
from brevox.nets.bottlenecks.jitter import TimeJitter
from brevox.nets.bottlenecks.vq import VectorQuantiser
from brevox.nets.residual import ResidualStack
from brevox.nets.units import build_units

SMALL = {
    "latent": 8,
    "speaker": 5,
    "encoder": {"name": "mfcc", "width": 12},
    "bottleneck": {"name": "vq", "codes": 9, "init": "data"},
    "decoder": {"name": "deconv", "width": 12},
}


@pytest.fixture
def model():
    """A small model whose book has taken in some frames."""
    torch.manual_seed(1)
    model = build_units(SMALL, speakers=3)
    model.train()(torch.randn(4, 40, 39), torch.randn(4, 40, 39), torch.zeros(4, dtype=torch.long))
    return model.eval()


def test_a_code_is_one_frame_of_one_utterance(model):
    """Seed 003 flattened channels, frames and items together: its codes were of no frame. Here they follow items."""
    features = torch.randn(5, 30, 39)
    seen = model.observe(features)
    assert seen.codes.shape == (5, 15)
    assert seen.latent.shape == (5, 15, 8)
    order = torch.randperm(5)
    mixed = model.observe(features[order])
    assert torch.equal(mixed.codes, seen.codes[order])
    torch.testing.assert_close(mixed.latent, seen.latent[order])
    for item in range(5):
        assert torch.equal(model.observe(features[item : item + 1]).codes[0], seen.codes[item])


def test_a_code_is_20_ms(model):
    """Two frames of features later is one code later; away from the ends, which padding reaches."""
    features = torch.randn(1, 80, 39)
    whole, later = (model.observe(values).codes[0] for values in (features, features[:, 10:]))
    assert torch.equal(whole[5 + 10 : -10], later[10:-10])
    assert model.hop == 320 and model.sample_rate == 16_000


def test_the_code_is_that_of_the_nearest_vector(model):
    seen = model.observe(torch.randn(2, 30, 39))
    book = model.bottleneck.codebooks[0]
    distances = (seen.latent[:, :, None] - book).square().sum(dim=-1)
    assert torch.equal(seen.codes, distances.argmin(dim=-1))


def test_decoding_codes_is_what_was_trained(model):
    features, target, speaker = torch.randn(2, 30, 39), torch.randn(2, 30, 39), torch.tensor([0, 2])
    loss, quantised = model(features, target, speaker)
    decoded = model.decode(quantised.codes[:, 0], speaker)
    assert decoded.shape == (2, 30, 39)
    assert (decoded - target).square().mean().item() == pytest.approx(loss.item(), rel=1e-5)
    assert torch.equal(quantised.codes[:, 0], model.observe(features).codes)


def test_normalised_features_have_mean_0_and_deviation_1_and_come_back():
    torch.manual_seed(0)
    features = torch.randn(2, 30, 39) * 7 + 100
    statistics = {"mfcc": np.stack([features.mean(dim=(0, 1)), features.std(dim=(0, 1))])}
    seen = []
    model = build_units(SMALL, 1, statistics)
    model.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    quantised = model.train()(features, features, torch.zeros(2, dtype=torch.long))[1]
    torch.testing.assert_close(seen[0].mean(dim=(0, 2)), torch.zeros(39), atol=1e-3, rtol=0)
    torch.testing.assert_close(seen[0].std(dim=(0, 2)), torch.ones(39), atol=1e-3, rtol=0)
    assert (model.decode(quantised.codes[:, 0], torch.zeros(2, dtype=torch.long)).mean() - 100).abs() < 10
    plain = build_units(SMALL | {"normalize": False}, 1, statistics)
    plain.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    plain(features, features, torch.zeros(2, dtype=torch.long))
    assert torch.equal(seen[-1], features.transpose(1, 2))


# What seed 003 got wrong.


def test_layers_of_a_residual_stack_have_weights_of_their_own():
    stack = ResidualStack(6, 3)
    weights = list(stack.parameters())
    assert len(weights) == 3 * 2
    assert len({weight.data_ptr() for weight in weights}) == 6
    before = [layer(torch.ones(1, 6, 5)) for layer in stack.layers]
    with torch.no_grad():
        stack.layers[1][1].weight.mul_(2)
    after = [layer(torch.ones(1, 6, 5)) for layer in stack.layers]
    assert [torch.equal(one, other) for one, other in zip(before, after, strict=True)] == [True, False, True]


def test_a_speaker_s_embedding_stays_and_learns(model):
    codes, speaker = torch.randint(9, (1, 15)), torch.tensor([1])
    assert torch.equal(model.decode(codes, speaker), model.decode(codes, speaker))
    assert not torch.equal(model.decode(codes, speaker), model.decode(codes, torch.tensor([2])))
    loss, _ = model(torch.randn(1, 30, 39), torch.randn(1, 30, 39), speaker)
    loss.backward()
    moved = model.voices.weight.grad.abs().sum(dim=1) > 0
    assert moved.tolist() == [False, True, False]


def test_jitter_puts_neighbours_in_place_as_often_as_it_should():
    torch.manual_seed(0)
    jitter = TimeJitter(0.12).train()
    frames = torch.arange(200.0).expand(500, 1, -1)
    moved = (jitter(frames) - frames)[:, 0]
    assert set(moved.unique().tolist()) == {-1.0, 0.0, 1.0}
    inner = moved[:, 1:-1]
    assert (inner != 0).float().mean().item() == pytest.approx(0.12, abs=0.004)
    assert (inner == 1).float().mean().item() == pytest.approx(0.06, abs=0.003)
    # At the ends there is one neighbour.
    for end, way in ((0, 1.0), (-1, -1.0)):
        assert set(moved[:, end].unique().tolist()) == {0.0, way}
        assert (moved[:, end] != 0).float().mean().item() == pytest.approx(0.12, abs=0.05)


def test_jitter_is_drawn_for_every_item_and_frame_on_its_own():
    torch.manual_seed(0)
    replaced = (TimeJitter(0.5).train()(torch.arange(400.0).expand(200, 3, -1)) - torch.arange(400.0)) != 0
    assert torch.equal(replaced[:, 0], replaced[:, 1])  # a frame goes with all its channels
    drawn = replaced[:, 0].float()
    for along in (drawn, drawn.T):
        correlation = torch.corrcoef(along)[~torch.eye(len(along), dtype=torch.bool)]
        assert correlation.abs().mean() < 0.1


def test_jitter_keeps_gradients():
    torch.manual_seed(0)
    latent = torch.randn(3, 4, 50, requires_grad=True)
    weight = torch.randn(3, 4, 50)
    jitter = TimeJitter(0.4).train()
    torch.manual_seed(7)
    (jitter(latent) * weight).sum().backward()
    torch.manual_seed(7)
    places = jitter(torch.arange(50.0).expand(3, 4, -1)).long()
    expected = torch.zeros(3, 4, 50).scatter_add_(2, places, weight)
    torch.testing.assert_close(latent.grad, expected)
    assert latent.grad.sum().item() == pytest.approx(weight.sum().item(), rel=1e-4)


@pytest.mark.parametrize("jitter", [TimeJitter(0.5).eval(), TimeJitter(0.0).train()], ids=["used", "none"])
def test_jitter_is_for_training_alone(jitter):
    latent = torch.randn(2, 3, 9)
    assert torch.equal(jitter(latent), latent)
    assert TimeJitter(1.0).train()(latent[:, :, :1]).shape == (2, 3, 1)


@pytest.mark.parametrize("learn", ["ema", "gradient"])
def test_a_book_starts_in_a_small_box_and_learns(learn):
    torch.manual_seed(0)
    vq = VectorQuantiser(6, 44, learn=learn)
    assert vq.codebooks.shape == (1, 44, 6)
    assert vq.codebooks.abs().max() <= 1 / 44
    assert vq.codebooks.std().item() == pytest.approx(2 / 44 / 12**0.5, rel=0.1)
    centres = torch.randn(5, 6) * 0.05
    optimiser = torch.optim.Adam(vq.parameters(), 0.01) if learn == "gradient" else None
    errors = []
    for _ in range(150):
        latent = centres[torch.randint(5, (8, 20))].transpose(1, 2).requires_grad_()
        quantised = vq(latent)
        errors.append((quantised.latent - latent).square().mean().item())
        if optimiser:
            optimiser.zero_grad()
            quantised.loss.backward()
            optimiser.step()
    assert errors[-1] < 0.2 * errors[0]


def test_the_recipe_s_shapes():
    """Parameters by hand: 768 channels, kernels of 3 and 4, two layers in each stack."""
    model = build_units(
        {"encoder": {"name": "mfcc"}, "bottleneck": {"name": "vq"}, "decoder": {"name": "deconv"}}, speakers=10
    )
    w, stack = 768, 2 * (3 + 1) * 768**2
    encoder = (39 * 3 + 1) * w + 3 * (3 * w + 1) * w + (4 * w + 1) * w + stack + (3 * w + 1) * 64
    decoder = (3 * 128 + 1) * w + stack + 2 * (3 * w + 1) * w + (3 * w + 1) * 39
    for part, count in (("encoder", encoder), ("decoder", decoder), ("voices", 640)):
        assert sum(p.numel() for p in model.get_submodule(part).parameters()) == count
    assert model.bottleneck.codebooks.shape == (1, 44, 64)


@pytest.mark.parametrize(
    "changes, hint",
    [
        ({"inputs": "chroma"}, "inputs are one of mfcc, filterbank"),
        ({"target": "video"}, "audio"),
        ({"books": 3}, "books"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(changes, hint):
    with pytest.raises(SettingsError, match=hint):
        build_units(SMALL | changes, 1)
