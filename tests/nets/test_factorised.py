import copy
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from brevox.codec.quantise import dequantise, quantise
from brevox.nets.bottlenecks.factorised import FactorisedVQ

WIDTH = 12


def latents(frames, seed, batch=4):
    """Vectors of few dimensions in a space of more, as encoders give. Shape: [batch, 12, frames]."""
    mixing = torch.randn(WIDTH, 3, generator=torch.Generator().manual_seed(0))
    return mixing @ torch.randn(batch, 3, frames, generator=torch.Generator().manual_seed(seed))


def trained(steps=40, **settings):
    """A quantiser that learned to give back what it gets."""
    torch.manual_seed(0)
    vq = FactorisedVQ(WIDTH, **{"books": 4, "codes": 16, "factors": 3, **settings})
    optimiser = torch.optim.Adam(vq.parameters(), 0.01, betas=(0.8, 0.99))
    for step in range(steps):
        latent = latents(50, seed=step)
        quantised = vq(latent)
        optimiser.zero_grad()
        ((quantised.latent - latent).square().mean() + 0.25 * quantised.loss).backward()
        optimiser.step()
    return vq.eval()


def error(vq, latent, books):
    return (vq(latent, torch.full((len(latent),), books)).latent - latent).square().mean().item()


@pytest.mark.parametrize("normalise", [False, True])
def test_it_learns_and_each_book_adds_something(normalise):
    vq, held_out = trained(150, normalise=normalise), latents(200, seed=10**6)
    errors = [held_out.square().mean().item()] + [error(vq, held_out, books) for books in range(1, 5)]
    for more, less in pairwise(errors):
        assert less < 0.9 * more
    assert errors[4] < 0.2 * errors[0]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(0, 2**32), st.booleans())
def test_the_first_codes_of_an_item_decode_to_its_latent(books, seed, normalise):
    vq = trained(steps=1, normalise=normalise)
    latent = latents(7, seed, batch=len(books))
    quantised = vq(latent, torch.tensor(books))
    assert quantised.latent.shape == latent.shape
    assert quantised.codes.shape == (len(books), 4, 7)
    for item, count in enumerate(books):
        decoded = vq.decode(quantised.codes[item : item + 1, :count])
        torch.testing.assert_close(quantised.latent[item : item + 1], decoded)
    assert torch.equal(vq(latent).codes, quantised.codes)


@pytest.mark.parametrize("normalise", [False, True])
def test_each_code_is_the_nearest(normalise):
    vq, rest = trained(normalise=normalise), latents(40, seed=3, batch=1)[0].T
    for book, codes in enumerate(vq(rest.T[None]).codes[0]):
        seen, entries = vq.down[book](rest), vq.low.codebooks[book]
        if normalise:  # the greatest cosine
            closeness = nn.functional.cosine_similarity(seen[:, None], entries[None], dim=2)
        else:
            closeness = -torch.cdist(seen, entries)
        best = closeness.amax(dim=1)
        torch.testing.assert_close(closeness.gather(1, codes[:, None])[:, 0], best, atol=1e-5, rtol=1e-5)
        rest = rest - vq.up[book](entries[codes])


def test_what_gradients_come_from():
    vq, latent = trained(), latents(20, seed=5).requires_grad_()
    quantised = vq(latent, torch.full((4,), 4))
    # What is decoded moves the latent and both projections, never the codebooks.
    decoded = quantised.latent.square().sum()
    gradients = torch.autograd.grad(
        decoded,
        (latent, vq.low.codebooks, *vq.down.parameters(), *vq.up.parameters()),
        retain_graph=True,
        allow_unused=True,
    )
    assert gradients[1] is None
    assert all(g.abs().sum() > 0 for g in (gradients[0], *gradients[2:]))
    # The loss: every book commits, and every book learns.
    weights = [down.weight for down in vq.down]
    books, *commitments = torch.autograd.grad(quantised.loss, (vq.low.codebooks, *weights))
    assert (books.abs().sum(dim=(1, 2)) > 0).all()
    assert all(g.abs().sum() > 0 for g in commitments)


def test_the_loss_is_commitment_and_codebook_loss():
    vq, latent = trained(), latents(20, seed=5)
    sums = []
    for weight in (0.0, 1.0, 3.0):
        vq.low.codebook_loss = weight
        sums.append(vq(latent).loss.item())
    # Both are the same distance, and differ in whom it moves.
    assert sums[1] == pytest.approx(2 * sums[0], rel=1e-5)
    assert sums[2] == pytest.approx(4 * sums[0], rel=1e-5)


def test_half_precision_around_it_costs_the_latent_nothing():
    vq, latent = trained(), latents(50, seed=3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = vq(latent)
    assert torch.equal(inside.codes, vq(latent).codes)
    assert torch.equal(inside.latent, vq(latent).latent)


def test_it_repeats_itself_and_goes_on_exactly():
    one, two = trained(10), trained(10)
    resumed = FactorisedVQ(WIDTH, books=4, codes=16, factors=3)
    resumed.load_state_dict(copy.deepcopy(two.state_dict()))
    for vq in (one, resumed):
        torch.manual_seed(1)
        for step in range(25):  # over a restart
            vq.train()(latents(50, seed=step))
    for name, value in one.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


@pytest.mark.parametrize("normalise", [False, True])
def test_what_is_exported_quantises_alike(normalise):
    vq, latent = trained(normalise=normalise), latents(300, seed=5, batch=1)
    shipped = {name: tensor.numpy() for name, tensor in vq.exported().items()}
    codes = quantise(latent[0].numpy(), **shipped)
    with torch.no_grad():
        expected = vq(latent)
    assert (codes == expected.codes[0].numpy()).mean() > 0.995  # but for ties
    own = torch.from_numpy(codes.astype("int64"))[None]
    np.testing.assert_allclose(dequantise(codes, shipped["codebooks"]), vq.decode(own)[0].numpy(), atol=1e-5)
