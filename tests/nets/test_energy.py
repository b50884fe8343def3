import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brevox.errors import SettingsError
from brevox.nets.bottlenecks.energy import EnergyBottleneck, EnergyTransformer


def transformer(seed=0, step=0.1, iterations=1, size=1.0):
    torch.manual_seed(seed)
    made = EnergyTransformer(12, iterations, step, heads=3, head_width=4, memories=20, window=3)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(size)
    return made


def test_the_slope_is_the_gradient_of_the_energy():
    energies = transformer().double()
    g = torch.randn(2, 9, 12, dtype=torch.float64, requires_grad=True)
    energy, slope = energies.descent(g)
    (gradient,) = torch.autograd.grad(energy.sum(), g)
    torch.testing.assert_close(slope, gradient)


def test_the_energy_is_the_paper_s():
    """Term by term, in loops."""
    energies = transformer().double()
    g = torch.randn(1, 6, 12, dtype=torch.float64)
    expected = 0.0
    for keys, queries in zip(energies.keys, energies.queries, strict=True):
        for c in range(6):
            near = [b for b in range(6) if abs(b - c) <= 3]
            scores = torch.stack([energies.beta * (keys @ g[0, b]) @ (queries @ g[0, c]) for b in near])
            expected -= torch.log(torch.exp(scores).sum()) / energies.beta
    for b in range(6):
        for memory in energies.memories:
            expected -= torch.relu(memory @ g[0, b]) ** 2 / 2
    torch.testing.assert_close(energies.descent(g)[0][0], expected)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.floats(0.01, 100), st.floats(0.1, 10), st.integers(1, 12))
def test_the_energy_never_rises_whatever_step_and_weights(seed, step, size, frames):
    energies = transformer(seed, step, iterations=1, size=size)
    x = torch.randn(2, 12, frames)
    before = energies.energy(x)
    for _ in range(6):
        x = energies(x)
        after = energies.energy(x)
        assert (after <= before).all()
        before = after


def test_small_steps_make_it_fall():
    x = torch.randn(4, 12, 20)
    energies = transformer(iterations=8)
    assert (energies.energy(energies(x)) < energies.energy(x)).all()


def test_n_iterations_are_one_n_times():
    x = torch.randn(2, 12, 10)
    one = transformer(iterations=1)
    torch.testing.assert_close(transformer(iterations=3)(x), one(one(one(x))))


def test_no_iterations_change_nothing():
    x = torch.randn(2, 12, 10)
    assert torch.equal(transformer(iterations=0)(x), x)


def test_items_of_a_batch_do_not_meet():
    x = torch.randn(3, 12, 10)
    energies = transformer(iterations=3)
    torch.testing.assert_close(energies(x), torch.cat([energies(item[None]) for item in x]), atol=1e-5, rtol=1e-4)


def test_alone_it_makes_no_codes_and_says_so():
    alone = EnergyBottleneck(12)
    made = alone(torch.randn(2, 12, 7))
    assert made.latent.shape == (2, 12, 7)
    assert made.codes.shape == (2, 0, 7)
    with pytest.raises(SettingsError, match="no codes"):
        alone.exported()


def test_before_a_quantiser_it_is_what_is_quantised():
    torch.manual_seed(0)
    made = EnergyBottleneck(12, then={"name": "rvq", "books": 2, "codes": 8, "init": "uniform"}).eval()
    x = torch.randn(2, 12, 7)
    quantised = made(x)
    torch.testing.assert_close(quantised.latent, made.then(made.before(x)).latent)
    torch.testing.assert_close(made.decode(quantised.codes), quantised.latent, atol=1e-5, rtol=1e-4)


def test_the_gradient_reaches_every_parameter_and_the_encoder():
    made = EnergyBottleneck(12, then={"name": "rvq", "books": 2, "codes": 8})
    x = torch.randn(2, 12, 7, requires_grad=True)
    quantised = made(x)
    (quantised.latent.square().sum() + quantised.loss).backward()
    assert x.grad.abs().sum() > 0
    for name, parameter in made.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("wrong", [{"step": 0}, {"heads": 0}, {"iterations": -1}, {"then": {"name": "rvk"}}])
def test_wrong_settings_are_told(wrong):
    with pytest.raises(SettingsError):
        EnergyBottleneck(12, **wrong)
