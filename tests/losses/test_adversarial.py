from itertools import pairwise

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


#: Every game, and the score at which its discriminator is content with what is decoded; with what is real it is 1.
GOALS = {"hinge": -1.0, "least_squares": 0.0}
every_game = pytest.mark.parametrize("name", sorted(GAMES._classes))
numbers = st.lists(st.floats(-10, 10), min_size=3, max_size=3)


@given(numbers, numbers)
def test_beyond_its_goals_a_hinge_gains_nothing(real, decoded):
    game = HingeGame()
    loss = game.discriminator_loss(judgement(real), judgement(decoded))
    assert loss >= 0
    assert (loss == 0) == (min(real) >= 1 and max(decoded) <= -1)
    assert (game.codec_loss(judgement(decoded)) == 0) == (min(decoded) >= 1)


@every_game
@given(real=numbers, decoded=numbers, steps=st.lists(st.floats(0, 1), min_size=2, max_size=5))
def test_the_players_want_opposite_things(name, real, decoded, steps):
    """On the way from its goal to the codec's, the discriminator's loss rises and the codec's falls to 0."""
    game, goal = GAMES.build({"name": name}), GOALS[name]
    losses = [
        (game.discriminator_loss(judgement(real), scores).item(), game.codec_loss(scores).item())
        for scores in (judgement([goal + share * (1 - goal)] * 3) for share in sorted({0.0, 1.0, *steps}))
    ]
    assert all(more >= less for (less, _), (more, _) in pairwise(losses))
    assert all(more >= less for (_, more), (_, less) in pairwise(losses))
    assert losses[0][0] < losses[-1][0]
    assert losses[0][1] > losses[-1][1] == 0
    assert game.discriminator_loss(judgement([1.0] * 3), judgement([goal] * 3)) == 0
    assert game.discriminator_loss(judgement(real), judgement(decoded)) >= 0
    assert game.codec_loss(judgement(decoded)) >= 0


@every_game
@given(scores=st.lists(st.tuples(numbers, numbers), min_size=1, max_size=3))
def test_scales_count_alike_however_much_they_have_to_say(name, scores):
    game = GAMES.build({"name": name})
    real, decoded = judgement(*(r for r, _ in scores)), judgement(*(d for _, d in scores))
    alone = [game.discriminator_loss(judgement(r), judgement(d)).item() for r, d in scores]
    assert game.discriminator_loss(real, decoded).item() == pytest.approx(sum(alone) / len(alone), abs=1e-4)
    doubled = judgement(*(d + d for _, d in scores))
    assert game.codec_loss(doubled).item() == pytest.approx(game.codec_loss(decoded).item(), abs=1e-4)


@every_game
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


def test_features_match_better_all_the_way_to_the_original():
    torch.manual_seed(0)
    real, other = ([torch.randn(2, 3, 4), torch.randn(2, 5)] for _ in range(2))
    values = [
        feature_matching_loss(
            judgement([0.0], maps=real),
            judgement([0.0], maps=[r + share * (o - r) for r, o in zip(real, other, strict=True)]),
        )
        for share in (1, 0.5, 0.1, 0.01, 0)
    ]
    assert all(more > less for more, less in pairwise(values))
    assert values[-1] == 0


def test_features_of_a_batch_split_among_devices_match_as_those_of_the_whole():
    torch.manual_seed(0)
    real, decoded = torch.randn(4, 5) * torch.tensor([[1.0], [2.0], [3.0], [4.0]]), torch.randn(4, 5)
    whole = feature_matching_loss(judgement([0.0], maps=[real]), judgement([0.0], maps=[decoded]))
    parts = [
        feature_matching_loss(
            judgement([0.0], maps=[real[half]]),
            judgement([0.0], maps=[decoded[half]]),
            mean=lambda sizes: real.abs().mean().expand_as(sizes),
        )
        for half in (slice(2), slice(2, 4))
    ]
    assert torch.stack(parts).mean().item() == pytest.approx(whole.item(), rel=1e-5)


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
