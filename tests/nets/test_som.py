from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brevox.errors import SettingsError
from brevox.nets.bottlenecks.neighbourhood import Neighbourhood, neighbour_distance, snake, topographic_error
from brevox.nets.bottlenecks.rvq import ResidualVQ
from brevox.nets.bottlenecks.som import SomResidualVQ


def square(batch=8, frames=64):
    """Vectors spread evenly over a square: what a map of two dimensions can lay itself onto."""
    return torch.rand(batch, 2, frames)


@pytest.fixture(scope="module")
def trained():
    """A map and plain codebooks after as many steps on the same vectors."""
    made = {}
    for kind, settings_ in (
        ("soft", {"radius": 3, "shrink_steps": 150}),
        ("hard", {"kernel": "hard", "radius": 3, "shrink_steps": 150}),
        ("plain", None),
    ):
        torch.manual_seed(0)
        book = (
            ResidualVQ(2, 1, 36, dropout=0, decay=0.9, revive="none")
            if settings_ is None
            else SomResidualVQ(2, 1, 36, dropout=0, decay=0.9, **settings_)
        )
        book.train()
        for _ in range(200):
            book(square())
        made[kind] = book.eval()
    return made


@pytest.mark.parametrize("kind", ["soft", "hard"])
def test_neighbours_on_the_map_are_closer_than_random(trained, kind):
    places = snake(36)
    assert neighbour_distance(trained[kind].codebooks[0], places) < 0.5
    assert 0.8 < neighbour_distance(trained["plain"].codebooks[0], places) < 1.2
    vectors = torch.rand(2000, 2)
    assert topographic_error(vectors, trained[kind].codebooks[0], places) < 0.25
    assert topographic_error(vectors, trained["plain"].codebooks[0], places) > 0.5


@pytest.mark.parametrize("kind", ["soft", "hard"])
def test_a_map_still_quantises(trained, kind):
    """Not much worse than codebooks that need not keep any order; both far better than one code for all."""
    x = square()
    errors = {name: (book(x).latent - x).square().mean().item() for name, book in trained.items()}
    assert errors[kind] < 1.5 * errors["plain"] < 0.1 / 12


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 300))
def test_each_code_has_a_place_of_its_own_and_the_next_one_beside_it(codes):
    places = snake(codes)
    assert len(places.unique(dim=0)) == codes
    assert (places.diff(dim=0).abs().sum(dim=1) == 1).all()
    rows, columns = (places.amax(dim=0) + 1).tolist()
    assert columns - 1 <= rows * 1.0 + 1 and rows <= columns


@pytest.mark.parametrize("kernel", ["soft", "hard"])
def test_the_pull_is_round_and_falls_with_distance(kernel):
    """On the grid of two dimensions: the seed's hard kernel knew the code's number alone."""
    map_ = Neighbourhood(49, kernel, 2.0, 0.5, 100)
    weights, distances = map_.weights(1), map_.distances
    assert torch.equal(weights, weights.T)
    assert (weights.diagonal() == 1).all()
    order = distances.flatten().argsort()
    assert (weights.flatten()[order].diff() <= 1e-6).all()
    middle = weights[24].view(7, 7)  # rows of a snake: even ones run right, odd ones left
    assert torch.equal(middle[3 - 1].flip(0), middle[3 + 1].flip(0))
    up, beside = weights[24][distances[24] == 1], weights[24][23]
    assert (up == beside).all() and len(up) == 4


@settings(deadline=None, max_examples=30)
@given(st.floats(0.5, 10), st.floats(0.1, 1), st.integers(1, 1000))
def test_the_radius_shrinks_from_first_to_last(first, share, steps):
    map_ = Neighbourhood(16, "soft", first, share * first, steps)
    radii = [map_.radius(step) for step in range(1, steps + 10)]
    assert radii[0] == pytest.approx(first)
    assert radii[-1] == pytest.approx(share * first)
    assert all(later <= earlier + 1e-9 for earlier, later in pairwise(radii))


def test_time_lies_in_the_checkpoint():
    torch.manual_seed(0)
    book = SomResidualVQ(2, 1, 16, shrink_steps=10)
    for _ in range(5):
        book(square())
    again = SomResidualVQ(2, 1, 16, shrink_steps=10)
    again.load_state_dict(book.state_dict())
    x = square()
    torch.manual_seed(1)
    book(x)
    torch.manual_seed(1)
    again(x)
    assert torch.equal(book.codebooks, again.codebooks)


def test_what_is_spread_pulls_the_neighbours_by_the_kernel():
    """By hand: one vector, one step; every code goes to the mean of what it was and what it got."""
    book = SomResidualVQ(2, 1, 9, dropout=0, decay=0.5, radius=1, last_radius=1, init="data")
    book.train()
    book(square(4, 16))
    before, uses = book.codebooks[0].clone(), book.uses[0].clone()
    vector = torch.tensor([0.3, 0.7])
    code = book(vector[None, :, None]).codes.item()
    weights = book.neighbourhood.weights(2)[code][:, None]
    expected = (uses[:, None] * before + weights * vector) / (uses[:, None] + weights)
    torch.testing.assert_close(book.codebooks[0], expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("wrong", [{"kernel": "round"}, {"radius": 0.1}, {"last_radius": 0}, {"shrink_steps": 0}])
def test_wrong_settings_are_told(wrong):
    with pytest.raises(SettingsError):
        SomResidualVQ(4, **wrong)
