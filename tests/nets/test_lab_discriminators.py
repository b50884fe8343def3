import pytest
import torch

import brevox.nets.discriminators.period
import brevox.nets.discriminators.scale  # noqa: F401
from brevox.errors import SettingsError
from brevox.nets.discriminators.complex import ComplexConvolution, ComplexStftDiscriminator, turn_free_relu
from brevox.nets.discriminators.one_of import OneOfSeveral
from brevox.nets.discriminators.several import SeveralDiscriminators

PARTS = [{"name": "scale", "scales": 2, "channels": [4, 8, 8]}, {"name": "period", "periods": [3], "channels": [4, 4]}]


def numbers(x):
    """First half of the channels real, second half imaginary."""
    return torch.complex(*x.chunk(2, dim=1))


def test_one_at_a_time_says_what_that_one_says():
    torch.manual_seed(0)
    one = OneOfSeveral(PARTS)
    audio = torch.randn(2, 900)
    for drawn in (0, 1):
        one.drawn = drawn
        for ours, theirs in zip(one(audio), one.parts[drawn](audio), strict=True):
            assert torch.equal(ours[0], theirs[0])
    several = SeveralDiscriminators(PARTS)
    assert len(several(audio)) == 3


def test_who_judges_is_drawn_by_the_chances_and_repeatable():
    one = OneOfSeveral(PARTS, [1, 3])

    def draws(seed):
        torch.manual_seed(seed)
        found = []
        for _ in range(400):
            one.draw()
            found.append(one.drawn)
        return found

    assert draws(1) == draws(1)
    assert 0.65 < sum(draws(1)) / 400 < 0.85
    never = OneOfSeveral(PARTS, [0, 1])
    for _ in range(20):
        never.draw()
        assert never.drawn == 1


def test_those_who_rest_do_not_learn():
    one = OneOfSeveral(PARTS)
    one.drawn = 1
    one(torch.randn(2, 900))[0][0].sum().backward()
    assert all(p.grad is None for p in one.parts[0].parameters())
    assert all(p.grad is not None for p in one.parts[1].parameters())


@pytest.mark.parametrize("chances", [[1], [0, 0], [-1, 2]])
def test_wrong_chances_are_told(chances):
    with pytest.raises(SettingsError, match="chances"):
        OneOfSeveral(PARTS, chances)


def test_a_complex_convolution_is_one_of_complex_numbers():
    torch.manual_seed(0)
    layer = ComplexConvolution(3, 5, (3, 3), padding=(1, 1))
    x = torch.randn(2, 6, 7, 8)
    weight = torch.complex(layer.real.weight, layer.imaginary.weight)
    expected = torch.nn.functional.conv2d(numbers(x), weight, padding=1)
    torch.testing.assert_close(numbers(layer(x)), expected, atol=1e-5, rtol=1e-4)


def test_a_turn_of_all_phases_turns_the_maps_and_keeps_their_sizes():
    torch.manual_seed(0)
    layer = ComplexConvolution(1, 4, (3, 3), padding=(1, 1))
    x = torch.randn(1, 2, 6, 6)
    turn = torch.exp(torch.tensor(0.7j))
    turned = numbers(x) * turn
    turned = torch.cat([turned.real, turned.imag], dim=1)
    plain, after = turn_free_relu(layer(x)), turn_free_relu(layer(turned))
    torch.testing.assert_close(numbers(after), numbers(plain) * turn, atol=1e-5, rtol=1e-4)


def test_it_judges_every_resolution_and_learns():
    torch.manual_seed(0)
    judge = ComplexStftDiscriminator((64, 128), channels=2)
    judged = judge(torch.randn(2, 1000))
    assert len(judged) == 2
    sum(logits.square().mean() for logits, _ in judged).backward()
    for name, parameter in judge.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name
