import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from brevox.losses.adversarial import GAMES, HingeGame, LeastSquaresGame, feature_matching_loss


def judgement(*scales, maps=()):
    """Logits of each scale, and the same feature maps for each."""
    return [(torch.tensor(logits), [torch.as_tensor(m) for m in maps]) for logits in scales]


def test_hinges_by_hand():
    real, decoded = judgement([0.0, 2.0], [1.0, 3.0]), judgement([-2.0, 1.0], [0.0, -1.0])
    # Scale 1: mean(1, 0) + mean(0, 2) = 1.5; scale 2: mean(0, 0) + mean(1, 0) = 0.5.
    assert HingeGame().discriminator_loss(real, decoded).item() == pytest.approx(1.0)
    # Scale 1: mean(3, 0) = 1.5; scale 2: mean(1, 2) = 1.5.
    assert HingeGame().codec_loss(decoded).item() == pytest.approx(1.5)


def test_squares_by_hand():
    real, decoded = judgement([0.0, 2.0], [1.0, 3.0]), judgement([-2.0, 1.0], [0.0, -1.0])
    # Scale 1: mean(1, 1) + mean(4, 1) = 3.5; scale 2: mean(0, 4) + mean(0, 1) = 2.5.
    assert LeastSquaresGame().discriminator_loss(real, decoded).item() == pytest.approx(3.0)
    # Scale 1: mean(9, 0) = 4.5; scale 2: mean(1, 4) = 2.5.
    assert LeastSquaresGame().codec_loss(decoded).item() == pytest.approx(3.5)


numbers = st.lists(st.floats(-10, 10), min_size=3, max_size=3)


@given(numbers, numbers)
def test_the_players_want_opposite_things(real, decoded):
    game = HingeGame()
    loss = game.discriminator_loss(judgement(real), judgement(decoded))
    assert loss >= 0
    assert (loss == 0) == (min(real) >= 1 and max(decoded) <= -1)
    assert (game.codec_loss(judgement(decoded)) == 0) == (min(decoded) >= 1)
    more_real = [value + 1 for value in decoded]
    assert game.codec_loss(judgement(more_real)) <= game.codec_loss(judgement(decoded))
    assert game.discriminator_loss(judgement(real), judgement(more_real)) >= loss


@pytest.mark.parametrize("name", ["hinge", "least_squares"])
def test_each_player_follows_its_gradient_to_its_end(name):
    """With logits as free as this, the discriminator tells the two apart for sure, and the codec fools it for sure."""
    game = GAMES.build({"name": name})
    real, decoded = torch.zeros(5, requires_grad=True), torch.zeros(5, requires_grad=True)
    optimiser = torch.optim.Adam([real, decoded], 0.1)
    for _ in range(200):
        optimiser.zero_grad()
        game.discriminator_loss([(real, [])], [(decoded, [])]).backward()
        optimiser.step()
    assert real.min() > 0.9
    assert decoded.max() < 0.1
    for _ in range(200):
        optimiser.zero_grad()
        game.codec_loss([(decoded, [])]).backward()
        optimiser.step()
    assert decoded.min() > 0.9


def test_equal_maps_match():
    maps = [torch.randn(2, 3, 4), torch.randn(2, 5)]
    same = judgement([0.0], maps=maps)
    assert feature_matching_loss(same, same) == 0


def test_feature_matching_by_hand():
    real = judgement([0.0], maps=[[2.0, -2.0], [10.0, 10.0]])
    decoded = judgement([0.0], maps=[[1.0, -2.0], [10.0, 15.0]])
    # Differences 0.5 and 2.5, relative to sizes 2 and 10.
    assert feature_matching_loss(real, decoded).item() == pytest.approx((0.25 + 0.25) / 2)


@given(st.floats(0.01, 100))
def test_feature_matching_is_relative(scale):
    maps = torch.arange(1.0, 7.0), torch.tensor([1.0, 2.0, 2.0, 4.0, 5.0, 7.0])
    once = feature_matching_loss(*(judgement([0.0], maps=[m]) for m in maps))
    scaled = feature_matching_loss(*(judgement([0.0], maps=[scale * m]) for m in maps))
    assert scaled.item() == pytest.approx(once.item(), rel=1e-4)


def test_feature_matching_moves_the_decoded_alone_and_is_finite_at_zero():
    real, decoded = torch.zeros(4, requires_grad=True), torch.full((4,), 0.5, requires_grad=True)
    loss = feature_matching_loss(judgement([0.0], maps=[real]), judgement([0.0], maps=[decoded]))
    loss.backward()
    assert loss.isfinite()
    assert real.grad is None
    assert (decoded.grad > 0).all()
