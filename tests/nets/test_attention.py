import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brevox.errors import SettingsError
from brevox.nets.attention import LocalAttention


def attention(reach, seed=0):
    torch.manual_seed(seed)
    block = LocalAttention(8, heads=2, reach=reach, layer_scale=1.0)
    torch.nn.init.normal_(block.bias)
    return block


@settings(deadline=None)
@given(st.integers(1, 5), st.integers(1, 20), st.integers(0, 19), st.integers(0, 2**32))
def test_a_frame_depends_on_its_reach_to_either_side(reach, frames, at, seed):
    at = at % frames
    block = attention(reach, seed)
    x = torch.randn(1, 8, frames)
    changed = x.clone()
    changed[:, 0, at] += 1
    moved = (block(x) != block(changed)).any(dim=1)[0].nonzero()[:, 0].tolist()
    assert moved == list(range(max(0, at - reach), min(frames, at + reach + 1)))


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 6), st.integers(1, 20), st.integers(0, 2**32))
def test_it_is_attention_under_a_band_of_the_matrix(reach, frames, seed):
    """Against PyTorch's own, over keys and values with zeros beyond the ends, where the bias stands for distance."""
    block = attention(reach, seed)
    x = torch.randn(2, 8, frames)
    ends = (0, 0, reach, reach)
    seen = block.look(block.norm(x.transpose(1, 2))).unflatten(2, (3, 2, 4)).permute(2, 0, 3, 1, 4)
    query, key, value = seen[0], torch.nn.functional.pad(seen[1], ends), torch.nn.functional.pad(seen[2], ends)
    distance = torch.arange(frames + 2 * reach)[None] - torch.arange(frames)[:, None]
    near = (distance >= 0) & (distance <= 2 * reach)
    mask = block.bias[:, distance.clamp(0, 2 * reach)].masked_fill(~near, -torch.inf)
    heard = torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    expected = x + block.bring(heard.transpose(1, 2).flatten(2)).transpose(1, 2)
    torch.testing.assert_close(block(x), expected, atol=1e-5, rtol=1e-4)


def test_without_its_branch_it_is_the_identity():
    x = torch.randn(2, 8, 9)
    assert torch.equal(LocalAttention(8, layer_scale=0.0)(x), x)


def test_heads_must_divide_the_width():
    with pytest.raises(SettingsError, match=r"2 heads .* 9 channels"):
        LocalAttention(9, heads=2)
