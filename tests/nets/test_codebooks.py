"""Choices of the residual quantiser: how books learn, start, and come back to life."""

import copy
from itertools import product

import numpy as np
import pytest
import torch
from torch import distributed, multiprocessing

from brevox.codec.quantise import dequantise, quantise
from brevox.errors import SettingsError
from brevox.nets.bottlenecks.revival import FrozenKMeans
from brevox.nets.bottlenecks.rvq import ResidualVQ
from one_way import nearest_keys

CHOICES = list(product(("ema", "gradient"), ("data", "kmeans"), ("restart", "kmeans", "none")))


def mixture(frames, seed, batch=4, channels=6, centres=40):
    """Gaussian clouds, always the same ones. Shape: [batch, channels, frames]."""
    means = 3 * np.random.default_rng(0).standard_normal((centres, channels))
    rng = np.random.default_rng(seed)
    points = means[rng.integers(centres, size=(batch, frames))] + 0.5 * rng.standard_normal((batch, frames, channels))
    return torch.from_numpy(points.transpose(0, 2, 1).astype(np.float32))


def fresh(learn="ema", init="data", revive="restart", **others):
    torch.manual_seed(0)
    settings = {"books": 3, "codes": 16, "dropout": 0.5, "restart_every": 5, "cache": 500, **others}
    return ResidualVQ(6, learn=learn, init=init, revive=revive, **settings)


def train(rvq, steps, first=0, rate=0.02, optimiser=None):
    """Steps as the trainer makes them: draws depend on the step alone."""
    if optimiser is None and list(rvq.parameters()):
        optimiser = torch.optim.AdamW(rvq.parameters(), rate, betas=(0.8, 0.99), weight_decay=0)
    for step in range(first, first + steps):
        torch.manual_seed(step)
        loss = rvq.train()(mixture(50, seed=step)).loss
        if optimiser is not None:
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return optimiser


def error(rvq, latent, books):
    return (rvq(latent, torch.full((len(latent),), books)).latent - latent).square().mean().item()


# Every combination (the report's tests 1.04, 1.05: quantisers learn data).


@pytest.mark.parametrize("choice", CHOICES, ids="-".join)
def test_quantisers_learn_a_gaussian_mixture(choice):
    rvq, held_out = fresh(*choice), mixture(200, seed=10**6)
    train(rvq, 1)
    start = error(rvq.eval(), held_out, 1)
    train(rvq, 150, first=1)
    rvq.eval()
    power = held_out.square().mean().item()
    assert error(rvq, held_out, 1) < (0.8 if choice[1] == "data" else 0.99) * start
    assert error(rvq, held_out, 1) < 0.35 * power  # one book has 16 codes for 40 clouds
    assert error(rvq, held_out, 3) < 0.06 * power
    # The codec, which has no torch, finds the same codes if it goes one way; fewer books decode as in the forward.
    codebooks = rvq.state_dict()["codebooks"].numpy()
    for item, codes in zip(held_out, rvq(held_out).codes, strict=True):
        found = quantise(item.numpy(), codebooks, nearest_keys(codebooks))
        assert (found == codes.numpy()).mean() > 0.999  # but for ties
        for books in (1, 2, 3):
            expected = rvq(item[None], torch.tensor([books])).latent[0]
            torch.testing.assert_close(rvq.decode(codes[None, :books])[0], expected)
            np.testing.assert_allclose(dequantise(codes[:books].numpy(), codebooks), expected, atol=1e-5)


@pytest.mark.parametrize("choice", CHOICES, ids="-".join)
def test_a_resumed_run_goes_on_exactly_and_repeats_itself(choice):
    whole, half = fresh(*choice), fresh(*choice)
    train(whole, 6, optimiser=(one := optimiser_of(whole)))
    train(half, 6, optimiser=(two := optimiser_of(half)))
    resumed = fresh(*choice)
    resumed.load_state_dict(copy.deepcopy(half.state_dict()))
    three = optimiser_of(resumed)
    if two is not None:
        three.load_state_dict(copy.deepcopy(two.state_dict()))
    train(whole, 9, first=6, optimiser=one)
    train(resumed, 9, first=6, optimiser=three)
    for name, value in resumed.state_dict().items():
        assert torch.equal(value, whole.state_dict()[name]), name


def optimiser_of(rvq):
    return torch.optim.AdamW(rvq.parameters(), 0.02) if list(rvq.parameters()) else None


@pytest.mark.parametrize("setting", ["learn", "init", "revive"])
def test_unknown_choices_are_named(setting):
    with pytest.raises(SettingsError, match=f"the bottleneck's {setting} is one of .*, not 'luck'"):
        ResidualVQ(6, **{setting: "luck"})


def test_the_state_of_existing_checkpoints_is_that_of_the_defaults():
    assert set(ResidualVQ(6, codes=8).state_dict()) == {"codebooks", "sums", "uses", "steps"}
    assert not list(ResidualVQ(6, codes=8).parameters())


# learn: gradient.


@pytest.mark.parametrize("training", [False, True])
def test_what_the_gradients_of_codebooks_and_latent_come_from(training):
    rvq = fresh("gradient", revive="none", codebook_loss=3.0)
    train(rvq, 20)
    rvq.train(training)
    latent = mixture(20, seed=5).requires_grad_()
    every = torch.full((4,), 3)
    quantised = rvq(latent, every)
    # What is decoded moves the latent, straight through, and never the codebooks.
    weight = torch.randn(latent.shape)
    latent_gradient, book_gradient = torch.autograd.grad(
        (quantised.latent * weight).sum(), (latent, rvq.codebooks), allow_unused=True, retain_graph=True
    )
    torch.testing.assert_close(latent_gradient, weight)
    assert book_gradient is None
    # The loss moves the latent as commitment alone, and each code by the codebook loss alone.
    latent_gradient, book_gradient = torch.autograd.grad(quantised.loss, (latent, rvq.codebooks))
    rest = latent.detach().transpose(1, 2).reshape(-1, 6)
    pulls, expected, loss = torch.zeros_like(rest), torch.zeros_like(rvq.codebooks), 0.0
    for book in range(3):
        index = quantised.codes[:, book].reshape(-1)
        rest = rest - rvq.codebooks[book].detach()[index]
        pulls += 2 * rest / rest.numel() / 3
        expected[book].index_add_(0, index, -3.0 * 2 * rest / rest.numel() / 3)
        loss += (1 + 3.0) * rest.square().mean().item() / 3
    torch.testing.assert_close(latent_gradient, pulls.view(4, 20, 6).transpose(1, 2))
    torch.testing.assert_close(book_gradient, expected)
    assert (expected.abs().sum(dim=(1, 2)) > 0).all()
    assert quantised.loss.item() == pytest.approx(loss, rel=1e-4)


def test_books_that_an_item_does_not_keep_do_not_learn_from_it():
    rvq = fresh("gradient")
    train(rvq, 3)
    rvq.zero_grad()
    rvq(mixture(20, seed=5), torch.full((4,), 2)).loss.backward()
    assert rvq.codebooks.grad[:2].abs().sum() > 0
    assert (rvq.codebooks.grad[2] == 0).all()


# init: kmeans.


@pytest.mark.parametrize("learn", ["ema", "gradient"])
def test_starting_on_means_leaves_less_than_starting_on_vectors(learn):
    data = mixture(300, seed=1)
    errors = {}
    for init in ("data", "kmeans"):
        rvq = fresh(learn, init, dropout=0)
        rvq(data)
        # The first step moves averages further, the start is what the first batch was quantised with.
        errors[init] = error(rvq.eval(), data, 3)
    assert errors["kmeans"] < 0.8 * errors["data"]


# revive.


@pytest.mark.parametrize("learn", ["ema", "gradient"])
def test_frozen_k_means_moves_unused_codes_and_no_others(learn):
    rvq = fresh(learn, "data", "kmeans", restart_every=4, dropout=0, books=1, codes=24, decay=0.9)
    train(rvq, 4, rate=0.0)
    with torch.no_grad():  # half of the codes lose all vectors
        rvq.codebooks[0, 12:] = 1e3
    never = copy.deepcopy(rvq)
    never.restart_every = 10**9
    train(rvq, 4, first=4, rate=0.0)
    train(never, 4, first=4, rate=0.0)
    assert (rvq.steps, never.steps) == (8, 8)
    used = never.revival.used[0]
    assert used[:12].sum() > 6
    # What averages did to the used ones they did to both.
    assert torch.equal(rvq.codebooks[0, used], never.codebooks[0, used])
    assert (rvq.codebooks[0, ~used] != never.codebooks[0, ~used]).any(dim=1).all()
    assert not rvq.revival.used.any()
    # All that were dead serve recent vectors.
    recent = rvq.revival.recent(0)
    found = set(rvq.eval()(recent.T[None]).codes.flatten().tolist())
    assert found >= set((~used).nonzero()[:, 0].tolist())


@pytest.mark.parametrize("choice", [c for c in CHOICES if c[2] != "none"], ids="-".join)
def test_books_far_from_the_data_come_into_use(choice):
    rvq = fresh(*choice)
    train(rvq, 1)
    with torch.no_grad():
        rvq.codebooks[:] = 50 + torch.arange(16.0)[:, None]
        if choice[0] == "ema":
            rvq.sums[:] = rvq.codebooks
        rvq.uses[:] = 1.0
    train(rvq, 150, first=1)
    codes = rvq.eval()(mixture(300, seed=10**6)).codes
    assert [len(codes[:, book].unique()) for book in range(3)] > [13, 13, 13]


@pytest.mark.parametrize("learn", ["ema", "gradient"])
def test_without_revival_unused_codes_stay_where_they_are(learn):
    rvq = fresh(learn, "data", "none", decay=0.5)
    train(rvq, 1)
    with torch.no_grad():
        rvq.codebooks[:, 7:] = 99.0
        if learn == "ema":
            rvq.sums[:, 7:] = 99.0 * rvq.uses[:, 7:, None]
    train(rvq, 60, first=1)
    torch.testing.assert_close(rvq.codebooks[:, 7:], torch.full((3, 9, 6), 99.0))


# The report's tests 1.02, 1.03: the cache of recent vectors.


def test_the_cache_keeps_the_last_vectors():
    cache = FrozenKMeans(width=1, books=2, codes=4, size=3)
    codes = torch.zeros(1, dtype=torch.long)
    cache.watch(0, torch.tensor([[1.0]]), codes)
    cache.watch(0, torch.tensor([[2.0]]), codes)
    assert cache.recent(0).flatten().tolist() == [1.0, 2.0]
    for number in range(50):
        cache.watch(0, torch.tensor([[float(number)]]), codes)
    assert sorted(cache.recent(0).flatten().tolist()) == [47.0, 48.0, 49.0]
    assert len(cache.recent(1)) == 0


def test_of_more_vectors_than_it_can_keep_the_cache_keeps_some_of_all():
    torch.manual_seed(0)
    cache = FrozenKMeans(width=1, books=1, codes=4, size=100)
    cache.watch(0, torch.arange(1000.0)[:, None], torch.zeros(1000, dtype=torch.long))
    kept = cache.recent(0).flatten()
    assert len(kept.unique()) == 100
    assert 400 < kept.mean() < 600


def _train_on_one_of_two(rank, folder):
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    rvq = fresh("gradient", "kmeans", "kmeans", dropout=0)
    for step in range(7):
        torch.manual_seed(100 * step + rank)
        rvq(mixture(50, seed=100 * step + rank))
    torch.save(rvq.codebooks.detach(), f"{folder}/{rank}")
    distributed.destroy_process_group()


def test_devices_agree_about_codebooks_that_no_gradient_moved(tmp_path):
    multiprocessing.spawn(_train_on_one_of_two, (str(tmp_path),), nprocs=2)
    one, two = (torch.load(tmp_path / str(rank), weights_only=True) for rank in range(2))
    assert one.abs().sum() > 0
    assert torch.equal(one, two)
