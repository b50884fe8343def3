import copy
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brevox.codec.quantise import dequantise, quantise
from brevox.nets.bottlenecks.rvq import ResidualVQ
from one_way import nearest_keys


def latents(batch, channels, frames, seed):
    """Correlated vectors, as encoders give. Shape: [batch, channels, frames]."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(0).standard_normal((channels, channels)) / np.arange(1, channels + 1)
    return torch.from_numpy((mixing @ rng.standard_normal((batch, channels, frames))).astype(np.float32))


def trained(steps=100, **settings):
    torch.manual_seed(0)
    rvq = ResidualVQ(6, **{"books": 5, "codes": 16, "dropout": 0.5, **settings})
    for step in range(steps):
        rvq(latents(4, 6, 50, seed=step))
    return rvq.eval()


def with_books(codebooks, **settings):
    """A quantiser whose books are given, Shape [books, codes, latent]."""
    codebooks = torch.as_tensor(codebooks, dtype=torch.float32)
    books, codes, channels = codebooks.shape
    rvq = ResidualVQ(channels, books=books, codes=codes, **settings)
    state = {"codebooks": codebooks, "sums": codebooks, "uses": torch.ones(books, codes), "steps": torch.tensor(1)}
    rvq.load_state_dict(state)
    return rvq.eval()


def error(rvq, latent, books):
    return (rvq(latent, torch.full((len(latent),), books)).latent - latent).square().mean().item()


# What is decoded.


def test_each_book_takes_from_what_the_books_before_left_on_data_not_seen():
    rvq, held_out = trained(), latents(4, 6, 100, seed=10**6)
    errors = [held_out.square().mean().item()] + [error(rvq, held_out, books) for books in range(1, 6)]
    for more, less in pairwise(errors):
        assert less < 0.85 * more


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.integers(0, 2**32))
def test_the_first_codes_of_an_item_decode_to_its_latent(books, seed):
    rvq = trained(steps=2)
    latent = latents(len(books), 6, 7, seed)
    quantised = rvq(latent, torch.tensor(books))
    assert quantised.latent.shape == latent.shape
    assert quantised.codes.shape == (len(books), 5, 7)
    for item, count in enumerate(books):
        decoded = rvq.decode(quantised.codes[item : item + 1, :count])
        torch.testing.assert_close(quantised.latent[item : item + 1], decoded)
    assert torch.equal(rvq(latent).codes, quantised.codes)


def test_all_books_are_kept_outside_of_training():
    rvq, latent = trained(steps=2), latents(3, 6, 7, seed=5)
    torch.testing.assert_close(rvq(latent).latent, rvq.decode(rvq(latent).codes))


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 4), st.integers(2, 20), st.integers(1, 8), st.integers(1, 30), st.integers(0, 2**32))
def test_the_codec_finds_the_same_codes_without_torch_if_it_goes_one_way(books, codes, channels, frames, seed):
    # Small whole numbers: all sums are exact, so that equal distances are equal to both.
    rng = np.random.default_rng(seed)
    codebooks = rng.integers(-4, 5, (books, codes, channels)).astype(np.float32)
    latent = rng.integers(-9, 10, (channels, frames)).astype(np.float32)
    rvq = with_books(codebooks)
    ours = rvq(torch.from_numpy(latent)[None]).codes
    theirs = quantise(latent, codebooks, nearest_keys(codebooks))
    assert (ours[0].numpy() == theirs).all()
    assert (rvq.decode(ours)[0].numpy() == dequantise(theirs, codebooks)).all()


def test_each_code_is_the_nearest():
    rvq, latent = trained(), latents(1, 6, 40, seed=3)
    rest = latent[0].T
    for book, codes in enumerate(rvq(latent).codes[0]):
        distance = torch.cdist(rest, rvq.codebooks[book])
        torch.testing.assert_close(distance.gather(1, codes[:, None])[:, 0], distance.amin(dim=1))
        rest = rest - rvq.codebooks[book][codes]


def test_half_precision_around_it_costs_the_latent_nothing():
    rvq, latent = trained(), latents(2, 6, 50, seed=3)
    outside = error(rvq, latent, 5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = rvq(latent)
    assert inside.latent.dtype == torch.float32
    torch.testing.assert_close(inside.latent, rvq.decode(inside.codes))
    assert (inside.latent - latent).square().mean().item() < 1.1 * outside


# Gradients.


@settings(deadline=None, max_examples=20)
@given(st.booleans(), st.integers(1, 5), st.integers(0, 2**32))
def test_the_gradient_passes_straight_through(training, books, seed):
    rvq = trained(steps=2).train(training)
    latent = latents(2, 6, 7, seed).requires_grad_()
    weight = torch.randn(2, 6, 7, generator=torch.Generator().manual_seed(seed))
    (rvq(latent, torch.tensor([books, 5])).latent * weight).sum().backward()
    torch.testing.assert_close(latent.grad, weight)


def test_every_book_in_use_pulls_at_the_latent():
    rvq, latent = trained(), latents(2, 6, 20, seed=3).requires_grad_()
    rests = []
    for books in range(1, 6):
        loss = rvq(latent, torch.full((2,), books)).loss
        (gradient,) = torch.autograd.grad(loss, latent)
        rests.append((latent - rvq(latent, torch.full((2,), books)).latent).detach())
        # d/dx of the mean over books of |what book n leaves|^2 / size, the codes being constants.
        expected = sum(2 * rest for rest in rests) / books / latent.numel()
        torch.testing.assert_close(gradient, expected)
        assert loss.item() == pytest.approx(np.mean([rest.square().mean().item() for rest in rests]), rel=1e-4)


def test_the_loss_counts_a_book_only_where_it_is_kept():
    rvq, latent = trained(), latents(2, 6, 20, seed=3)
    alone = [rvq(latent[i : i + 1], torch.tensor([n])).loss.item() for i, n in ((0, 1), (0, 5), (1, 5))]
    mixed = rvq(latent, torch.tensor([1, 5])).loss.item()
    # First book: both items; the other four: the second item alone.
    second_without_first = 5 * alone[2] - rvq(latent[1:], torch.tensor([1])).loss.item()
    first_book = (alone[0] + rvq(latent[1:], torch.tensor([1])).loss.item()) / 2
    assert mixed == pytest.approx((first_book + second_without_first) / 5, rel=1e-4)


# How the books learn.


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 40), st.integers(1, 9), st.sampled_from([0.5, 0.9, 0.97]), st.integers(0, 2**32))
def test_codes_move_to_the_mean_of_their_vectors(steps, crowd, decay, seed):
    rng = np.random.default_rng(seed)
    start = np.array([[0.0, 0.0], [100.0, 0.0], [0.0, 100.0]])
    clouds = start[:, None] + rng.uniform(-5, 5, (3, crowd, 2))
    rvq = with_books(start[None], decay=decay, restart_every=10**9).train()
    latent = torch.from_numpy(clouds.reshape(-1, 2).T.astype(np.float32))[None]
    for _ in range(steps):
        rvq(latent, torch.tensor([1]))
    # Van den Oord et al. 2017, eq. 6-8, with the same vectors each time.
    kept = decay**steps
    expected = (kept * start + (1 - kept) * crowd * clouds.mean(axis=1)) / (kept + (1 - kept) * crowd)
    np.testing.assert_allclose(rvq.codebooks[0].numpy(), expected, rtol=1e-4, atol=1e-4)


def test_the_books_learn_about_as_well_as_k_means():
    rng = np.random.default_rng(0)
    points = rng.standard_normal((1500, 2)).astype(np.float32)
    torch.manual_seed(0)
    rvq = ResidualVQ(2, books=1, codes=24, dropout=0)
    latent = torch.from_numpy(points.T.copy())[None]
    for _ in range(500):
        rvq(latent)
    ours = 2 * error(rvq.eval(), latent, 1)

    def lloyd():
        means = points[rng.choice(len(points), 24, replace=False)]
        for _ in range(60):
            nearest = ((points[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
            means = np.stack(
                [points[nearest == k].mean(axis=0) if (nearest == k).any() else means[k] for k in range(24)]
            )
        return ((points[:, None] - means) ** 2).sum(axis=2).min(axis=1).mean()

    assert ours < 1.07 * np.median([lloyd() for _ in range(5)])


def test_dead_codes_restart_on_vectors_of_the_batch_and_leave_the_others_alone():
    alive, dead = [[0.0, 0.0], [10.0, 10.0]], [[1000.0, 1000.0], [-1000.0, 0.0]]
    latent = latents(2, 2, 30, seed=0) + 5
    vectors = {tuple(v) for v in latent.transpose(1, 2).reshape(-1, 2).tolist()}

    def after(restart_every):
        rvq = with_books([alive + dead], restart_every=restart_every, decay=0.5, least_use=0.1, dropout=0).train()
        for _ in range(4):  # of 0.5 ** 4 of a use, the dead codes keep less than the least
            rvq(latent)
        return rvq.codebooks[0]

    without, restarted = after(10**9), after(5)
    assert not {tuple(c) for c in without[2:].tolist()} & vectors
    assert {tuple(c) for c in restarted[2:].tolist()} <= vectors
    assert torch.equal(restarted[:2], without[:2])


def test_no_two_dead_codes_restart_in_one_place():
    latent, far = latents(2, 2, 30, seed=0), 1000 + torch.arange(60.0)[:, None].expand(60, 2)
    rvq = with_books(far[None], restart_every=5, decay=0.5, least_use=0.1, dropout=0).train()
    for _ in range(4):
        rvq(latent)
    restarted = {tuple(code) for code in rvq.codebooks[0].tolist()} & {
        tuple(v) for v in latent.transpose(1, 2).reshape(-1, 2).tolist()
    }
    assert len(restarted) >= 59  # the 60 vectors but that of the code, the nearest, that was in use


def test_books_that_start_far_from_the_data_come_into_use():
    rvq = with_books(torch.full((3, 32, 6), 50.0) + torch.arange(32.0)[:, None], dropout=0.5).train()
    torch.manual_seed(0)
    for step in range(250):
        rvq(latents(8, 6, 50, seed=step))
    codes = rvq.eval()(latents(8, 6, 200, seed=10**6)).codes
    assert [len(codes[:, book].unique()) for book in range(3)] > [28, 28, 28]


def test_the_first_batch_fills_the_books():
    torch.manual_seed(0)
    rvq, latent = ResidualVQ(6, books=2, codes=64, dropout=0), latents(1, 6, 10, seed=0)
    quantised = rvq(latent)  # 64 codes, 10 vectors: each vector is a code
    torch.testing.assert_close(quantised.latent, latent, atol=1e-5, rtol=0)


def test_outside_of_training_nothing_is_learned():
    rvq = trained(steps=3)
    before = copy.deepcopy(rvq.state_dict())
    rvq(latents(2, 6, 50, seed=77))
    for name, value in rvq.state_dict().items():
        assert torch.equal(value, before[name])


# Quantiser dropout.


def test_a_book_learns_from_the_items_that_keep_it():
    latent = latents(2, 6, 20, seed=3)
    both, alone, other = (copy.deepcopy(trained()).train() for _ in range(3))
    both(latent, torch.tensor([1, 5]))
    alone(latent[1:], torch.tensor([5]))
    other(latent, torch.tensor([5, 5]))
    for book in range(1, 5):
        torch.testing.assert_close(both.codebooks[book], alone.codebooks[book])
        assert not torch.allclose(both.codebooks[book], other.codebooks[book])
    assert not torch.allclose(both.codebooks[0], alone.codebooks[0])


def books_kept(dropout, items=200):
    """How many books each item of a training batch kept."""
    rvq = trained(steps=20, dropout=dropout)
    latent = latents(items, 6, 3, seed=9)
    # Taken now: training moves the books after it has used them.
    options = torch.stack([rvq(latent, torch.full((items,), n)).latent for n in range(1, 6)])
    torch.manual_seed(1)
    distance = (options - rvq.train()(latent).latent).abs().amax(dim=(2, 3))
    assert (distance.amin(dim=0) < 1e-5).all()
    return distance.argmin(dim=0) + 1


def test_dropout_keeps_the_first_books_of_some_items():
    assert (books_kept(dropout=0.0) == 5).all()
    shares = torch.bincount(books_kept(dropout=1.0), minlength=6)[1:] / 200
    assert (shares - 0.2).abs().max() < 0.1
    assert (books_kept(dropout=0.5) == 5).float().mean() == pytest.approx(0.6, abs=0.12)
