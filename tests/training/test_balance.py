import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from brevox.errors import SettingsError
from brevox.training.balance import BALANCERS, Term

NAMES = ["none", "ema", "gradient"]


def losses(decoded, scale=1.0):
    """Two losses of very different size, the second `scale` times as large."""
    target = torch.linspace(-1, 1, decoded.shape[-1])
    return {"time": (decoded - target).abs().mean(), "power": scale * 1e4 * (decoded - target).square().mean()}


def gradient_of(balancer, decoded, weights, scale=1.0):
    decoded = decoded.detach().requires_grad_()
    values = losses(decoded, scale)
    total, factors = balancer.total({name: Term(value, weights[name]) for name, value in values.items()}, decoded)
    total.backward()
    return decoded.grad, factors


def own_gradients(decoded):
    decoded = decoded.detach().requires_grad_()
    return {name: torch.autograd.grad(value, decoded, retain_graph=True)[0] for name, value in losses(decoded).items()}


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_is_the_sum_of_the_losses_gradients_by_their_factors(name):
    torch.manual_seed(0)
    balancer, decoded = BALANCERS.build({"name": name}), torch.randn(3, 50)
    for _ in range(3):
        gradient, factors = gradient_of(balancer, decoded, {"time": 1.0, "power": 3.0})
        own = own_gradients(decoded)
        torch.testing.assert_close(gradient, sum(factors[key] * own[key] for key in own), rtol=1e-4, atol=1e-7)


def test_finite_differences_agree_with_the_gradient_balancer_s_promise():
    """A step along one loss alone changes that loss by step * |g|; the balanced gradient's norm is the promised one."""
    torch.manual_seed(1)
    decoded = torch.randn(1, 40, dtype=torch.float64)
    for only in ("time", "power"):
        balancer = BALANCERS.build({"name": "gradient", "norm": 0.7, "decay": 0.9})
        weights = {"time": 0.0, "power": 0.0, only: 5.0}
        gradient, _ = gradient_of(balancer, decoded, weights)
        assert gradient.norm().item() == pytest.approx(0.7, rel=1e-6)
        step = 1e-6
        slope = (losses(decoded + step * gradient)[only] - losses(decoded - step * gradient)[only]) / (2 * step)
        assert slope.item() == pytest.approx(0.7 * own_gradients(decoded)[only].norm().item(), rel=1e-3)


@pytest.mark.parametrize("shares", [(1.0, 1.0), (1.0, 4.0)])
def test_shares_of_the_gradient_are_those_of_the_weights(shares):
    torch.manual_seed(2)
    decoded = torch.randn(4, 30)
    balancer = BALANCERS.build({"name": "gradient"})
    _, factors = gradient_of(balancer, decoded, dict(zip(("time", "power"), shares, strict=True)))
    own = own_gradients(decoded)
    norms = [float(factors[key] * own[key].norm(dim=1).mean()) for key in ("time", "power")]
    assert norms == pytest.approx([share / sum(shares) for share in shares], rel=1e-4)


@pytest.mark.parametrize("name", ["ema", "gradient"])
def test_a_loss_s_units_do_not_matter(name):
    torch.manual_seed(3)
    decoded = [torch.randn(2, 20) for _ in range(5)]
    plain, scaled = BALANCERS.build({"name": name}), BALANCERS.build({"name": name})
    for x in decoded:
        weights = {"time": 1.0, "power": 2.0}
        once, many = gradient_of(plain, x, weights)[0], gradient_of(scaled, x, weights, scale=1000.0)[0]
        torch.testing.assert_close(once, many, rtol=1e-4, atol=1e-8)


def test_by_size_a_steady_loss_counts_its_weight():
    balancer = BALANCERS.build({"name": "ema", "decay": 0.5})
    decoded = torch.full((1, 10), 3.0)
    for _ in range(4):
        x = decoded.clone().requires_grad_()
        values = losses(x)
        total, _ = balancer.total({"time": Term(values["time"], 0.5), "power": Term(values["power"], 2.0)}, x)
        assert total.item() == pytest.approx(2.5, rel=1e-5)


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=40), st.sampled_from([0.5, 0.9, 0.999, 1 - 1e-5]))
def test_by_size_each_loss_is_over_its_moving_average(values, decay):
    """The report's tests 3.01 to 3.03: the first value is the first average, recent ones count more, and where the
    decay is next to 1 the average is the simple one."""
    balancer, weight, decoded = BALANCERS.build({"name": "ema", "decay": decay}), 2.0, torch.zeros(1)
    for number, value in enumerate(values, 1):
        _, factors = balancer.total({"loss": Term(torch.tensor(value, dtype=torch.float64), weight)}, decoded)
        average = weight / float(factors["loss"])
        expected = np.average(values[:number], weights=decay ** np.arange(number)[::-1])
        assert average == pytest.approx(expected, rel=1e-6)
        if number == 1:
            assert average == pytest.approx(value, rel=1e-6)
        if decay > 0.9999:
            assert average == pytest.approx(np.mean(values[:number]), rel=0.01)


@pytest.mark.parametrize("name", ["ema", "gradient"])
def test_averages_go_on_from_a_saved_state(name):
    torch.manual_seed(4)
    steps = [torch.randn(2, 20) for _ in range(6)]
    weights = {"time": 1.0, "power": 1.0}
    straight = BALANCERS.build({"name": name})
    expected = [gradient_of(straight, x, weights)[0] for x in steps][-1]
    first, second = BALANCERS.build({"name": name}), BALANCERS.build({"name": name})
    for x in steps[:3]:
        gradient_of(first, x, weights)
    second.state = dict(first.state)
    resumed = [gradient_of(second, x, weights)[0] for x in steps[3:]][-1]
    torch.testing.assert_close(resumed, expected, rtol=0, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_zero_losses_give_finite_gradients(name):
    balancer = BALANCERS.build({"name": name})
    target = torch.linspace(-1, 1, 10)[None]
    gradient, _ = gradient_of(balancer, target, {"time": 1.0, "power": 1.0})
    assert gradient.isfinite().all()


def test_an_unknown_balancer():
    with pytest.raises(SettingsError, match="ema, gradient, none"):
        BALANCERS.build({"name": "fair"})
