"""Model files: what is written is read, the id names the tensors and nothing else, and damage is refused."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from brevox.codec.bvx import ModelFile, model_id, read_model, write_model
from brevox.codec.codec import Codec
from brevox.codec.models import find_model, known_models
from brevox.errors import ModelFileError, OutputError
from tiny_model import coding_tensors, tiny_model

MEMBERS = ["encoder.onnx", "decoder.onnx", "codebooks.npz", "entropy.npz", "model.json", "README.md"]


def same_model(a: ModelFile, b: ModelFile) -> bool:
    return (
        (a.encoder, a.decoder, a.info, a.card, a.id) == (b.encoder, b.decoder, b.info, b.card, b.id)
        and np.array_equal(a.codebooks, b.codebooks)
        and a.entropy.keys() == b.entropy.keys()
        and all(np.array_equal(a.entropy[name], b.entropy[name]) for name in a.entropy)
    )


def members_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


def npz(**arrays) -> bytes:
    target = io.BytesIO()
    np.savez(target, **arrays)
    return target.getvalue()


@pytest.fixture(scope="module")
def members(tiny_path) -> dict[str, bytes]:
    return members_of(tiny_path.read_bytes())


def refused(tmp_path, data: bytes) -> str:
    path = tmp_path / "damaged.bvx"
    path.write_bytes(data)
    with pytest.raises(ModelFileError) as caught:
        Codec(read_model(path), threads=1)
    return str(caught.value)


# ---- writing and reading


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(2, 40), st.integers(1, 9), st.text(max_size=200))
def test_what_is_written_is_read(tmp_path_factory, seed, books, codes, latent, card):
    path = tmp_path_factory.mktemp("bvx") / "a.bvx"
    model = replace(tiny_model(seed, "näme №1", latent, books, codes), card=card)
    write_model(path, model)
    assert same_model(read_model(path), model)
    first = path.read_bytes()
    write_model(path, read_model(path))
    assert path.read_bytes() == first


def test_the_built_in_model_is_whole():
    model = find_model()
    tensors = coding_tensors(model.encoder, model.decoder, model.codebooks.astype(np.float16), dict(model.entropy))
    assert model_id(tensors) == model.id
    assert model.info["name"] == "speech-16k"
    assert known_models()[0].stat().st_size <= 20_000_000


def test_a_model_that_cannot_be_written_leaves_no_file(tmp_path, tiny_file):
    with pytest.raises(OutputError, match="create it"):
        write_model(tmp_path / "none" / "a.bvx", tiny_file)
    assert not list(tmp_path.iterdir())


# ---- the id

arrays = hnp.arrays(
    st.sampled_from([np.float16, np.float32, np.uint8, np.uint16]), hnp.array_shapes(max_dims=3, max_side=4)
)
tensor_sets = st.dictionaries(st.text(max_size=5), arrays, min_size=1, max_size=4)


@settings(max_examples=40)
@given(tensor_sets, st.randoms())
def test_the_id_depends_on_nothing_but_the_tensors(tensors, generator):
    names = list(tensors)
    generator.shuffle(names)
    shuffled = {name: tensors[name] for name in names}
    assert model_id(shuffled) == model_id(tensors)
    big_endian = {name: tensor.astype(tensor.dtype.newbyteorder(">")) for name, tensor in tensors.items()}
    assert model_id(big_endian) == model_id(tensors)
    strided = {name: np.asfortranarray(tensor) for name, tensor in tensors.items()}
    assert model_id(strided) == model_id(tensors)


@settings(max_examples=40)
@given(tensor_sets, st.data())
def test_the_id_depends_on_every_name_shape_type_and_byte(tensors, data):
    name = data.draw(st.sampled_from(sorted(tensors)))
    tensor = tensors[name]
    rest = {key: value for key, value in tensors.items() if key != name}
    flipped = np.frombuffer(tensor.tobytes(), np.uint8).copy()
    place = data.draw(st.integers(0, len(flipped) - 1))
    flipped[place] ^= 1 << data.draw(st.integers(0, 7))
    others = [
        rest,
        rest | {name + "!": tensor},
        rest | {name: tensor[None]},
        rest | {name: flipped.view(tensor.dtype).reshape(tensor.shape)},
        rest | {name: tensor.view(np.int8 if tensor.itemsize == 1 else np.int16 if tensor.itemsize == 2 else np.int32)},
        tensors | {name + "!": tensor},
    ]
    ids = [model_id(tensors), *map(model_id, others)]
    assert len(set(ids)) == len(ids)
    assert {len(each) for each in ids} == {16}


def test_the_id_of_a_model_tells_any_of_its_parts(tiny_file):
    codebooks = tiny_file.codebooks.astype(np.float16)
    tensors = coding_tensors(tiny_file.encoder, tiny_file.decoder, codebooks, dict(tiny_file.entropy))
    assert model_id(tensors) == tiny_file.id
    assert {name.split(".")[0] for name in tensors} == {"encoder", "decoder", "codebooks", "entropy"}
    assert tiny_model(seed=1).id != tiny_file.id


# ---- damage


def test_every_flipped_bit_of_the_contents_is_noticed(tmp_path, tiny_path, tiny_file):
    """Outside of the contents lie dates and the like, which may be anything."""
    data = tiny_path.read_bytes()
    path = tmp_path / "a.bvx"
    for place in np.random.default_rng(0).integers(0, 8 * len(data), 600):
        changed = bytearray(data)
        changed[place // 8] ^= 1 << place % 8
        path.write_bytes(changed)
        try:
            assert same_model(read_model(path), tiny_file)
        except ModelFileError as error:
            assert str(path) in str(error)


@pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.9, 0.999])
def test_a_cut_file(tmp_path, tiny_path, share):
    data = tiny_path.read_bytes()
    assert "damaged.bvx is not a Brevox model" in refused(tmp_path, data[: int(share * len(data))])


@pytest.mark.parametrize("missing", MEMBERS)
def test_a_part_is_missing(tmp_path, members, missing):
    rest = {name: content for name, content in members.items() if name != missing}
    assert missing in refused(tmp_path, zipped(rest))


def test_what_is_no_model_file(tmp_path, clip):
    assert "not a Brevox model" in refused(tmp_path, b"")
    assert "not a Brevox model" in refused(tmp_path, clip.read_bytes())
    assert "lacks" in refused(tmp_path, zipped({"a.txt": b"text"}))
    with pytest.raises(ModelFileError, match="no model file"):
        read_model(tmp_path / "none.bvx")
    with pytest.raises(ModelFileError, match="cannot read"):
        read_model(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 3},
        {"format": None},
        {"name": 5},
        {"id": "f" * 31},
        {"id": "f" * 33},
        {"id": "f " * 16},
        {"id": "g" * 32},
        {"id": None},
        {"sample_rate": 0},
        {"sample_rate": 44_100},
        {"hop": -320},
        {"hop": True},
        {"latent": 5},
        {"latent": 1e9},
        {"encoder_context": 10**6},
        {"decoder_context": "18"},
    ],
)
def test_a_description_that_makes_no_sense(tmp_path, members, changes):
    info = json.loads(members["model.json"]) | changes
    refused(tmp_path, zipped(members | {"model.json": json.dumps(info).encode()}))


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b"[" * 100_000, b"\xff\xfe", b'{"format": 1}'])
def test_a_description_that_is_none(tmp_path, members, text):
    assert "model.json" in refused(tmp_path, zipped(members | {"model.json": text}))


@pytest.mark.parametrize(
    "codebooks",
    [
        np.zeros((3, 16, 4), np.float32),
        np.zeros((3, 16), np.float16),
        np.zeros((0, 16, 4), np.float16),
        np.zeros((3, 1, 4), np.float16),
        np.zeros((3, 16, 5), np.float16),
        np.zeros((4, 16, 4), np.float16),
        np.zeros((3, 17, 4), np.float16),
        np.full((3, 16, 4), np.nan, np.float16),
        np.array([None]),
    ],
)
def test_codebooks_that_do_not_fit(tmp_path, members, codebooks):
    refused(tmp_path, zipped(members | {"codebooks.npz": npz(codebooks=codebooks)}))


def test_keys_come_back(tmp_path, tiny_file):
    keys = np.random.default_rng(0).standard_normal((*tiny_file.codebooks.shape[:2], 5)).astype(np.float16)
    write_model(tmp_path / "keys.bvx", replace(tiny_file, keys=keys.astype(np.float32)))
    assert np.array_equal(read_model(tmp_path / "keys.bvx").keys, keys.astype(np.float32))
    assert read_model(tmp_path / "keys.bvx").keys.dtype == np.float32


@pytest.mark.parametrize(
    "keys",
    [np.zeros((3, 16, 4), np.float16), np.zeros((3, 16, 5), np.float32), np.full((3, 16, 5), np.inf, np.float16)],
)
def test_keys_that_do_not_fit(tmp_path, members, tiny_file, keys):
    codebooks = tiny_file.codebooks.astype(np.float16)
    assert "keys" in refused(tmp_path, zipped(members | {"codebooks.npz": npz(codebooks=codebooks, keys=keys)}))


def test_entropy_tables_that_do_not_fit(tmp_path, members, tiny_file):
    for tables in ({}, dict(tiny_file.entropy) | {"frequencies_4": np.zeros((1, 1, 16), np.uint16)}):
        assert "entropy tables" in refused(tmp_path, zipped(members | {"entropy.npz": npz(**tables)}))
    wider = tiny_model(codes=32).entropy
    assert "do not fit" in refused(tmp_path, zipped(members | {"entropy.npz": npz(**wider)}))


def test_lies_about_sizes_reserve_no_memory(tmp_path, members):
    """A zip of zeros that would unpack to a thousand times its size; an array that says it is larger than its file."""
    bomb = zipped(members | {"README.md": bytes(200 << 20)}, zipfile.ZIP_DEFLATED)
    assert "far larger" in refused(tmp_path, bomb)
    target = io.BytesIO()
    np.lib.format.write_array(target, np.zeros((3, 16, 4), np.float16))
    for shape in (f"({10**12}, 16, 4)", f"(0, {2**63}, 4)", f"({10**400}, 16, 4)", "(-3, 16, 4)", "(3, 16"):
        lying = target.getvalue().replace(b"(3, 16, 4)", shape.encode())
        text_end = lying.index(b"\n") + 1
        lying = lying[:8] + (text_end - 10).to_bytes(2, "little") + lying[10:]
        inner = zipped({"codebooks.npy": lying})
        assert "array" in refused(tmp_path, zipped(members | {"codebooks.npz": inner}))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_ways_to_compress_that_reserve_memory_are_not_used(tmp_path, members, method):
    assert "compressed in a way" in refused(tmp_path, zipped(members, method))


def test_a_network_that_cannot_run_says_nothing_on_standard_output(tmp_path, members, capfd):
    strange_name = members["encoder.onnx"].replace(b"Unsqueeze", b"Unsque\xffze")
    for network in (b"", b"\x08\x08no network", strange_name):
        assert "cannot run" in refused(tmp_path, zipped(members | {"encoder.onnx": network}))
    assert capfd.readouterr().out == ""
