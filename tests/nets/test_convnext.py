import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brevox.nets.convnext import ChannelNorm, ConvNeXtBlock


@settings(deadline=None)
@given(st.integers(0, 4), st.integers(1, 30), st.integers(0, 29), st.integers(0, 2**32))
def test_a_frame_depends_on_half_a_kernel_to_either_side(half, frames, at, seed):
    at = at % frames
    torch.manual_seed(seed)
    block = ConvNeXtBlock(5, kernel=2 * half + 1)
    x = torch.randn(1, 5, frames)
    changed = x.clone()
    changed[:, 0, at] += 1
    before, after = block(x), block(changed)
    assert before.shape == x.shape
    moved = (before != after).any(dim=1)[0].nonzero()[:, 0].tolist()
    assert moved == list(range(max(0, at - half), min(frames, at + half + 1)))


def test_without_its_branch_a_block_is_the_identity():
    x = torch.randn(2, 6, 9)
    assert torch.equal(ConvNeXtBlock(6, layer_scale=0.0)(x), x)


def test_the_branch_is_scaled():
    torch.manual_seed(0)
    block, x = ConvNeXtBlock(6, layer_scale=0.1), torch.randn(2, 6, 9)
    small = block(x) - x
    with torch.no_grad():
        block.scale.mul_(10)
    torch.testing.assert_close(block(x) - x, 10 * small, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("frames", [1, 8])
def test_channel_norm_levels_each_frame_by_itself(frames):
    x = 5 + 3 * torch.randn(2, 64, frames)
    levelled = ChannelNorm(64)(x)
    torch.testing.assert_close(levelled.mean(dim=1), torch.zeros(2, frames), atol=1e-4, rtol=0)
    torch.testing.assert_close(levelled.std(dim=1, unbiased=False), torch.ones(2, frames), atol=1e-3, rtol=0)
    torch.testing.assert_close(ChannelNorm(64)(x[..., :1]), levelled[..., :1])
