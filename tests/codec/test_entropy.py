from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make_golden import SIZES, golden_codes, golden_model

from brevox.codec.entropy import ColumnTables, EntropyModel
from brevox.codec.entropy_fit import fit_entropy_model
from brevox.codec.rangecoder import TOTAL
from brevox.errors import ModelFileError, StreamError

GOLDEN = Path(__file__).parent / "golden"


def random_model(seed: int, columns: int) -> EntropyModel:
    """Tables of random sizes, classes and frequencies, from even to lopsided."""
    rng = np.random.default_rng(seed)
    sizes = [int(rng.choice([1, 2, 7, 40, 300])) for _ in range(columns)]
    tables = []
    for column, size in enumerate(sizes):
        above_size = sizes[column - 1] if column else 1
        past, above = int(rng.integers(1, 6)), int(rng.integers(1, 4)) if column else 1
        chances = rng.dirichlet(np.full(size, rng.choice([0.01, 0.3, 100])), (past, above)).reshape(-1, size)
        frequencies = 1 + np.stack([rng.multinomial(TOTAL - size, p / p.sum()) for p in chances])
        tables.append(
            ColumnTables(
                rng.integers(0, past, size).astype(np.uint8),
                rng.integers(0, above, above_size).astype(np.uint8),
                frequencies.reshape(past, above, size),
            )
        )
    return EntropyModel(tables)


def random_codes(model: EntropyModel, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Shape [..., columns, frames], half of the frames like the frame before."""
    rng = np.random.default_rng(seed)
    sizes = np.array(model.sizes[: shape[-2]])[:, None]
    codes = rng.integers(0, sizes, shape)
    if shape[-1] > 1:
        same = rng.random(shape[-1] - 1) < 0.5
        codes[..., 1:][..., same] = codes[..., :-1][..., same]
    return codes.astype(np.uint16)


models = st.builds(random_model, st.integers(0, 2**32), st.integers(1, 4))


@settings(deadline=None)
@given(models, st.integers(0, 4), st.integers(0, 60), st.none() | st.integers(0, 3), st.integers(0, 2**32))
def test_round_trip(model, columns, frames, channels, seed):
    columns = min(columns, len(model.sizes))
    shape = (columns, frames) if channels is None else (channels, columns, frames)
    codes = random_codes(model, shape, seed)
    payload = model.encode(codes)
    decoded = model.decode(payload, columns, frames, channels, exact=True)
    assert decoded.dtype == np.uint16
    assert decoded.shape == shape
    assert (decoded == codes).all()
    bits = model.cost_bits(codes)
    assert bits.shape == (columns,)
    assert abs(len(payload) - bits.sum() / 8) <= 0.01 * bits.sum() / 8 + 8


@settings(deadline=None, max_examples=20)
@given(models, st.integers(0, 2**32))
def test_cost_and_contexts_by_the_definition(model, seed):
    codes = random_codes(model, (len(model.sizes), 30), seed)
    arrays = model.to_tables()
    for column, row in enumerate(codes):
        frequencies = arrays[f"frequencies_{column}"].astype(int) + 1
        bits = 0.0
        for frame, code in enumerate(row):
            past = arrays[f"past_class_{column}"][row[frame - 1]] if frame else 0
            above = arrays[f"above_class_{column}"][codes[column - 1, frame] if column else 0]
            bits += 16 - np.log2(frequencies[past, above, code])
        assert model.cost_bits(codes)[column] == pytest.approx(bits)


@settings(deadline=None)
@given(models, st.binary(max_size=300), st.integers(0, 100))
def test_any_payload_decodes_to_some_codes(model, payload, frames):
    codes = model.decode(payload, len(model.sizes), frames)
    assert (codes < np.array(model.sizes)[:, None]).all()
    if model.encode(codes) != payload:
        with pytest.raises(StreamError):
            model.decode(payload, len(model.sizes), frames, exact=True)


def test_exact_notices_surplus_bytes():
    model, codes = golden_model(), golden_codes()[0]
    payload = model.encode(codes)
    for wrong in (payload + b"\0", payload + b"x", payload + payload):
        with pytest.raises(StreamError, match="damaged"):
            model.decode(wrong, 3, 40, exact=True)


def test_fewer_columns_are_coded_alike():
    model, codes = golden_model(), golden_codes()[0]
    for columns in range(4):
        assert (model.decode(model.encode(codes[:columns]), columns, 40) == codes[:columns]).all()
        assert (model.cost_bits(codes[:columns]) == model.cost_bits(codes)[:columns]).all()


def test_channels_cost_what_they_cost_alone():
    model, codes = golden_model(), golden_codes()
    assert model.cost_bits(codes) == pytest.approx(model.cost_bits(codes[0]) + model.cost_bits(codes[1]))


@pytest.mark.parametrize(
    "codes",
    [
        np.zeros(3, np.uint16),
        np.zeros((4, 5), np.uint16),
        np.zeros((3, 5)),
        np.full((3, 5), 16, np.uint16),
        np.full((3, 5), -1),
    ],
)
def test_codes_that_do_not_fit(codes):
    for method in (golden_model().encode, golden_model().cost_bits):
        with pytest.raises(ValueError, match="code"):
            method(codes)
    with pytest.raises(ValueError, match="columns"):
        golden_model().decode(b"", 4, 1)


@settings(deadline=None, max_examples=20)
@given(models)
def test_tables_round_trip(model):
    arrays = model.to_tables()
    again = EntropyModel.from_tables(arrays)
    assert again.sizes == model.sizes
    assert {name: array.dtype.str for name, array in arrays.items()} == {
        f"{name}_{column}": kind
        for column in range(len(model.sizes))
        for name, kind in (("past_class", "|u1"), ("above_class", "|u1"), ("frequencies", "<u2"))
    }
    codes = random_codes(model, (len(model.sizes), 20), 0)
    assert again.encode(codes) == model.encode(codes)


def test_uniform():
    model = EntropyModel.uniform([256, 1000, 1, 65536])
    codes = random_codes(model, (4, 50), 3)
    assert model.cost_bits(codes) / 50 == pytest.approx([8, np.log2(1000), 0, 16], abs=0.03)
    assert (model.decode(model.encode(codes), 4, 50, exact=True) == codes).all()


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a.clear(),
        lambda a: a.pop("frequencies_2"),
        lambda a: a.pop("frequencies_1"),
        lambda a: a.pop("past_class_0"),
        lambda a: a.pop("above_class_1"),
        lambda a: a.update(extra=np.zeros(3)),
        lambda a: a.update(frequencies_3=a["frequencies_2"]),
        lambda a: a.update(frequencies_0=a["frequencies_0"].astype(np.int32)),
        lambda a: a.update(frequencies_0=a["frequencies_0"].astype(">u2")),
        lambda a: a.update(frequencies_0=a["frequencies_0"][0]),
        lambda a: a.update(frequencies_0=a["frequencies_0"][:0]),
        lambda a: a.update(frequencies_0=a["frequencies_0"][:3]),
        lambda a: a.update(frequencies_1=a["frequencies_1"][:, :1]),
        lambda a: a.update(frequencies_1=a["frequencies_1"][..., :8]),
        lambda a: a.update(frequencies_1=a["frequencies_1"] + np.uint16(1)),
        lambda a: a.update(past_class_1=a["past_class_1"].astype(np.int8)),
        lambda a: a.update(past_class_1=a["past_class_1"] + np.uint8(1)),
        lambda a: a.update(past_class_1=a["past_class_1"][:-1]),
        lambda a: a.update(above_class_2=np.zeros(8, np.uint8)),
        lambda a: a.update(above_class_0=np.zeros(2, np.uint8)),
        lambda a: a.update(above_class_1=a["above_class_1"] + np.uint8(200)),
    ],
)
def test_damaged_tables(change):
    arrays = golden_model().to_tables()
    change(arrays)
    with pytest.raises(ModelFileError, match="entropy tables"):
        EntropyModel.from_tables(arrays)


def test_golden_payload():
    with np.load(GOLDEN / "tables.npz", allow_pickle=False) as tables:
        model = EntropyModel.from_tables(dict(tables))
    assert model.sizes == SIZES
    payload = (GOLDEN / "payload.bin").read_bytes()
    assert (model.decode(payload, 3, 40, 2, exact=True) == golden_codes()).all()


# Fitting.


def markov(size: int, above_size: int, classes: int, above_classes: int, frames: int, seed: int):
    """A column of even codes, one whose codes depend on classes of both neighbours, and true bits a code of that."""
    rng = np.random.default_rng(seed)
    chances = rng.dirichlet(np.full(size, 0.2), (classes, above_classes))
    of_past, of_above = rng.integers(0, classes, size), rng.integers(0, above_classes, above_size)
    above, codes, code, bits = rng.integers(0, above_size, frames), np.zeros(frames, int), 0, 0.0
    sums, draws = chances.cumsum(axis=-1), rng.random(frames)
    for frame in range(frames):
        past, up = of_past[code], of_above[above[frame]]
        code = min(int(np.searchsorted(sums[past, up], draws[frame])), size - 1)
        codes[frame] = code
        bits -= np.log2(chances[past, up, code]) / frames
    return np.stack([above, codes]), bits


def test_markov_source_comes_near_its_entropy_on_held_out_codes():
    codes, entropy = markov(128, 32, 6, 3, 120_000, seed=1)
    model = fit_entropy_model([codes[:, :50_000], codes[:, 50_000:100_000]], [32, 128])
    held_out = codes[:, 100_000:]
    bits = model.cost_bits(held_out) / held_out.shape[1]
    assert bits[1] < 1.03 * entropy
    assert bits[0] < 1.01 * 5
    assert len(model.encode(held_out)) * 8 / held_out.shape[1] == pytest.approx(bits.sum(), rel=1e-3)


def test_even_codes_cost_what_they_must():
    rng = np.random.default_rng(2)
    codes = np.stack([rng.integers(0, size, 30_000) for size in (16, 100, 256)])
    model = fit_entropy_model([codes[:, :20_000]], [16, 100, 256])
    bits = model.cost_bits(codes[:, 20_000:]) / 10_000
    assert (bits < 1.01 * np.log2([16, 100, 256])).all()


@pytest.mark.parametrize("frames", [1, 2, 3, 10, 100, 1000])
def test_scarce_data_does_no_harm(frames):
    """Codes never seen must be cheap enough: at most a few percent over even coding."""
    rng = np.random.default_rng(frames)
    sizes = [64, 200]
    model = fit_entropy_model([np.stack([rng.integers(0, size, frames) for size in sizes])], sizes)
    fresh = np.stack([rng.integers(0, size, 2000) for size in sizes])
    assert (model.cost_bits(fresh) / 2000 < 1.15 * np.log2(sizes)).all()


def test_scarce_data_is_used_all_the_same():
    codes, _ = markov(64, 16, 4, 2, 6000, seed=3)
    model = fit_entropy_model([codes[:, :2000]], [16, 64])
    held_out = codes[1, 2000:]
    order_0 = -np.log2(np.bincount(held_out, minlength=64)[held_out] / len(held_out)).mean()
    assert model.cost_bits(codes[:, 2000:])[1] / 4000 < 0.95 * order_0


def test_constant_codes_cost_next_to_nothing():
    model = fit_entropy_model([np.zeros((2, 1000), np.uint16)], [64, 1])
    assert model.cost_bits(np.zeros((2, 1000), np.uint16)).sum() < 20
    assert len(model.encode(np.zeros((2, 1000), np.uint16))) <= 4


def test_pitch_that_glides():
    """A random walk over 256 values needs about the entropy of its steps."""
    rng = np.random.default_rng(4)
    steps = rng.choice([-2, -1, 0, 1, 2], 60_000, p=[0.1, 0.2, 0.4, 0.2, 0.1])
    pitch = (np.cumsum(steps) % 256)[None]
    model = fit_entropy_model([pitch[:, :50_000]], [256])
    assert model.cost_bits(pitch[:, 50_000:])[0] / 10_000 < 2.122 * 1.08


def test_the_first_frame_of_a_chunk_is_cheap():
    """Nine tenths of the codes follow one that all but settles them, yet chunks begin anywhere."""
    rng = np.random.default_rng(5)
    codes = np.where(rng.random(50_000) < 0.02, rng.integers(0, 64, 50_000), 0)[None]
    codes[0, ::10] = rng.integers(0, 64, 5000)
    model = fit_entropy_model([codes], [64])
    assert np.mean([model.cost_bits(codes[:, [frame]])[0] for frame in range(200)]) < 3


def test_tables_stay_small():
    rng = np.random.default_rng(6)
    codes = np.repeat(rng.integers(0, 200, (2, 6000)), 2, axis=1)
    for size in (200, 9000):
        arrays = fit_entropy_model([codes], [size] * 2).to_tables()
        assert max(array.size for array in arrays.values()) <= 65536


def test_fit_is_repeatable():
    codes, _ = markov(32, 8, 4, 2, 3000, seed=7)
    first, second = (fit_entropy_model([codes], [8, 32]).to_tables() for _ in range(2))
    assert all((first[name] == second[name]).all() for name in first)


@pytest.mark.parametrize(
    "sequences", [[], [np.zeros((2, 0), int)], [np.zeros((1, 5), int)], [np.full((2, 5), 9)], [np.zeros((2, 5))]]
)
def test_nothing_to_fit(sequences):
    with pytest.raises(ValueError, match="code"):
        fit_entropy_model(sequences, [8, 8])
