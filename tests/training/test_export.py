import numpy as np
import onnx
import pytest
import torch
from torch import nn

from brevox.audio.pitch import PITCH_CODES, pitch_condition
from brevox.codec.bvx import read_model, write_model
from brevox.codec.codec import Codec
from brevox.codec.entropy import EntropyModel
from brevox.codec.models import find_model
from brevox.codec.networks import Networks
from brevox.codec.quantise import quantise
from brevox.data.corpus import Corpus
from brevox.errors import DataError, SettingsError
from brevox.nets.codec import build_codec
from brevox.nets.parts import ENCODERS
from brevox.training.checkpoint import LAST, load_checkpoint, save_checkpoint
from brevox.training.export import code_corpus, export_model, load_trained
from one_way import nearest_keys
from voices import voice


@pytest.fixture(scope="module")
def checkpoint(trained, tmp_path_factory):
    """The trained weights, rounded to half precision, so that export has nothing to round."""
    state = load_checkpoint(trained / LAST)
    state["average"] = {
        name: value.half().float() if value.is_floating_point() else value for name, value in state["average"].items()
    }
    path = tmp_path_factory.mktemp("rounded") / "rounded.ckpt"
    save_checkpoint(path, state)
    return path


@pytest.fixture(scope="module")
def exported(checkpoint, corpus, tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "tiny.bvx"
    facts = {"licence": "MIT", "id": "0" * 32, "hop": 7}
    write_model(path, export_model(checkpoint, corpus, name="tiny", description=facts, card="# Tiny\n"))
    return path


@pytest.fixture(scope="module")
def network(checkpoint):
    return load_trained(checkpoint)[0]


def inputs(frames, seed=0):
    """Audio, pitch codes, latent and excitation."""
    rng = np.random.default_rng(seed)
    audio = 0.1 * rng.standard_normal(320 * frames)
    latent, excitation = rng.standard_normal((8, frames)), rng.standard_normal((2, 320 * frames))
    pitch = rng.integers(0, PITCH_CODES, frames).astype(np.uint8)
    return audio.astype(np.float32), pitch, latent.astype(np.float32), excitation.astype(np.float32)


def test_what_the_model_says_of_itself(exported, checkpoint):
    model = read_model(exported)
    assert model.card == "# Tiny\n"
    assert model.info["name"] == "tiny"
    assert model.info["licence"] == "MIT"
    assert model.info["steps"] == 6
    assert (model.info["books"], model.info["codes"], model.info["latent"]) == model.codebooks.shape == (3, 16, 8)
    # What a description claims of these is not believed.
    assert model.info["hop"] == 320
    assert model.info["id"] != "0" * 32
    average = load_checkpoint(checkpoint)["average"]
    assert (model.codebooks == average["bottleneck.codebooks"].numpy()).all()


def test_exporting_again_gives_the_same_file(exported, checkpoint, corpus, tmp_path):
    again = export_model(
        checkpoint, corpus, name="tiny", description={"licence": "MIT", "id": "0" * 32, "hop": 7}, card="# Tiny\n"
    )
    write_model(tmp_path / "again.bvx", again)
    assert (tmp_path / "again.bvx").read_bytes() == exported.read_bytes()


def test_the_id_is_that_of_the_weights(exported, checkpoint, corpus, tmp_path):
    def identity(path, name):
        return export_model(path, corpus, name=name, description={}, card="").id

    assert identity(checkpoint, "other name") == read_model(exported).id
    state = load_checkpoint(checkpoint)
    state["average"]["decoder.coarse.0.norm.bias"][3] += 0.5
    save_checkpoint(tmp_path / "moved.ckpt", state)
    assert identity(tmp_path / "moved.ckpt", "tiny") != read_model(exported).id


@pytest.mark.parametrize("frames", [1, 2, 33, 200])
def test_the_exported_networks_equal_the_trained_ones(exported, network, frames):
    audio, pitch, latent, excitation = inputs(frames)
    networks = Networks(read_model(exported), threads=1)
    condition = torch.from_numpy(pitch_condition(pitch))[None]
    with torch.no_grad():
        expected = network.encoder(torch.from_numpy(audio)[None], condition)[0].numpy()
        decoded = network.decoder(torch.from_numpy(latent)[None], condition, torch.from_numpy(excitation)[None])[0]
    np.testing.assert_allclose(networks.encode(audio, pitch), expected, atol=1e-4)
    np.testing.assert_allclose(networks.decode(latent, pitch, excitation), decoded.numpy(), atol=1e-4)


def test_nothing_is_stored_that_can_be_computed(exported, network):
    # Two Fourier bases for each network would be 411,520 numbers each.
    model = read_model(exported)
    graphs = [onnx.load_from_string(graph) for graph in (model.encoder, model.decoder)]
    stored = sum(np.prod(tensor.dims) for graph in graphs for tensor in graph.graph.initializer)
    mel_bands = 2 * 321 * 16
    assert stored < sum(parameter.numel() for parameter in network.parameters()) + mel_bands + 10_000
    assert not any(
        node.op_type == "Constant" and len(node.SerializeToString()) > 4096 for g in graphs for node in g.graph.node
    )


def reach(network, arguments, frames):
    """Frames to either side of one that its output has a gradient towards."""
    arguments = [argument.requires_grad_() for argument in arguments]
    output = network(*arguments)
    per_frame, middle = output.shape[-1] // frames, frames // 2
    here = output[..., middle * per_frame : (middle + 1) * per_frame]
    (here * torch.randn(here.shape, generator=torch.Generator().manual_seed(0))).sum().backward()
    furthest = 0
    for argument in arguments:
        touched = argument.grad.abs().reshape(-1, frames, argument.shape[-1] // frames).amax(dim=(0, 2)).nonzero()
        furthest = max(furthest, middle - int(touched[0]), int(touched[-1]) - middle)
    return furthest


def test_the_context_is_the_receptive_field(exported, network):
    info, frames = read_model(exported).info, 81
    audio, pitch, latent, excitation = (torch.from_numpy(x)[None] for x in inputs(frames))
    condition = torch.from_numpy(pitch_condition(pitch[0].numpy()))[None]
    assert reach(network.encoder, [audio, condition.clone()], frames) == info["encoder_context"]
    assert reach(network.decoder, [latent, condition.clone(), excitation], frames) == info["decoder_context"]


@pytest.mark.parametrize("first, last", [(0, 20), (30, 31), (30, 60), (70, 90)])
def test_a_piece_with_its_context_gives_what_the_whole_gives(exported, first, last):
    model = read_model(exported)
    networks = Networks(model, threads=1)
    audio, pitch, latent, excitation = inputs(90)

    def window(context):
        begin, end = max(0, first - context), min(90, last + context)
        return begin, end, slice(begin * 320, end * 320)

    begin, end, samples = window(model.info["encoder_context"])
    piece = networks.encode(audio[samples], pitch[begin:end])
    np.testing.assert_allclose(
        piece[:, first - begin : last - begin], networks.encode(audio, pitch)[:, first:last], atol=1e-5
    )
    begin, end, samples = window(model.info["decoder_context"])
    piece = networks.decode(np.ascontiguousarray(latent[:, begin:end]), pitch[begin:end], excitation[:, samples])
    whole = networks.decode(latent, pitch, excitation)[first * 320 : last * 320]
    np.testing.assert_allclose(piece[(first - begin) * 320 :][: len(whole)], whole, atol=1e-5)


@pytest.mark.parametrize("samples", [1, 320, 16_000])
def test_the_codec_runs_it(exported, samples):
    codec = Codec(read_model(exported), threads=1)
    audio = voice(1.0, 130)[None, :samples]
    for books in (1, 3):
        codes = codec.encode(audio, books=books)
        assert {chunk.codes.shape[1] for chunk in codes.chunks} == {1 + books}
        assert max(chunk.codes[:, 1:].max() for chunk in codes.chunks) < 16
        decoded = codec.decode(codes)
        assert decoded.shape == audio.shape
        assert np.isfinite(decoded).all()


@pytest.mark.parametrize("normalise", ["true", "false"])
def test_factorised_codes_are_exported_too(tiny, train, corpus, tmp_path, normalise):
    bottleneck = f"model.bottleneck={{name: factorised, books: 3, codes: 16, factors: 4, normalise: {normalise}}}"
    train(tiny(bottleneck), tmp_path)
    write_model(tmp_path / "f.bvx", export_model(tmp_path / LAST, corpus, name="f", description={}, card=""))
    codec, network = Codec(read_model(tmp_path / "f.bvx"), threads=1), load_trained(tmp_path / LAST)[0]
    audio = voice(2.0, 140)[: 320 * 90]
    codes = codec.encode(audio[None], books=3)
    columns = np.concatenate([chunk.codes[0] for chunk in codes.chunks], axis=1)
    condition = torch.from_numpy(pitch_condition(columns[0].astype(np.uint8)))[None]
    with torch.no_grad():
        latent = network.encoder(torch.from_numpy(audio[None] * np.float32(codes.gain)), condition)
        found = network.bottleneck(latent).codes[0].numpy()
    # Networks in half precision choose another neighbour now and then.
    assert (found == columns[1:]).mean() > 0.9


# The codes on which the entropy model is fitted.


def test_the_codes_of_the_corpus_are_those_the_codec_finds(network, corpus):
    clips = Corpus(corpus, "train")
    sequences = code_corpus(network, clips, hours=100)
    assert len(sequences) == len(clips.clips)
    for clip, codes in zip(clips.clips, sequences, strict=True):
        audio, pitch = clips.read(clip.shard, clip.first, clip.samples)
        assert codes.shape == (1 + 3, clip.samples // 320)
        assert (codes[0] == pitch).all()
        with torch.no_grad():
            latent = network.encoder(torch.from_numpy(audio)[None], torch.from_numpy(pitch_condition(pitch))[None])
            greedy = network.bottleneck(latent)
            near = network.bottleneck.decode(torch.from_numpy(codes[None, 1:].astype(int)))
        books = network.bottleneck.codebooks.numpy()
        one_way, best = (quantise(latent[0].numpy(), books, keys) for keys in (nearest_keys(books), None))
        assert (greedy.codes[0].numpy() == one_way).mean() > 0.999  # but for ties
        assert (codes[1:] == best).mean() > 0.999
        # One way is what training takes; the codec looks further, and comes nearer.
        assert (latent - near).square().mean() <= (latent - greedy.latent).square().mean()


def test_fewer_hours_take_clips_from_all_over(network, corpus):
    clips = Corpus(corpus, "train")  # 4 clips of two speakers, 6 s in all
    shares = []
    half = code_corpus(network, clips, hours=3 / 3600, progress=shares.append)
    assert len(half) == 2
    assert shares == [0.5, 1.0]
    everything = code_corpus(network, clips, hours=1)
    assert (half[1] == everything[2]).all()


def test_the_entropy_model_expects_what_it_was_fitted_on(exported, network, corpus):
    entropy = EntropyModel.from_tables(dict(read_model(exported).entropy))
    assert list(entropy.sizes) == [PITCH_CODES, 16, 16, 16]
    sequences = code_corpus(network, Corpus(corpus, "train"), hours=1)
    frames = sum(codes.shape[1] for codes in sequences)
    bits = sum(float(np.sum(entropy.cost_bits(codes))) for codes in sequences)
    assert bits / frames < 7 + 3 * 4
    for codes in sequences:
        assert (entropy.decode(entropy.encode(codes), *codes.shape) == codes).all()


# What can go wrong.


def test_what_is_no_checkpoint(corpus, checkpoint, tmp_path):
    (tmp_path / "a.ckpt").write_text("no")
    for path in (tmp_path / "a.ckpt", tmp_path / "missing.ckpt"):
        with pytest.raises(DataError):
            export_model(path, corpus, name="x", description={}, card="")
    with pytest.raises(DataError, match="brevox data prepare"):
        export_model(checkpoint, tmp_path, name="x", description={}, card="")


@ENCODERS.register("test: all at once")
class SeesEverything(nn.Module):
    def __init__(self, latent, hop):
        super().__init__()
        self.look = nn.Conv1d(1, latent, hop, stride=hop)

    def forward(self, audio, condition):
        here = self.look(audio[:, None])
        return here + here.mean(dim=2, keepdim=True) + condition[:, :1]


def test_a_network_that_sees_everything_cannot_be_exported(checkpoint, corpus, tmp_path):
    state = load_checkpoint(checkpoint)
    state["recipe"]["model"]["encoder"] = {"name": "test: all at once"}
    state["average"] = build_codec(state["recipe"]["model"]).state_dict()
    save_checkpoint(tmp_path / "wide.ckpt", state)
    with pytest.raises(SettingsError, match="smaller receptive field"):
        export_model(tmp_path / "wide.ckpt", corpus, name="x", description={}, card="")


def test_training_goes_on_from_a_model_file(exported, checkpoint, corpus, tiny, train, tmp_path):
    """With nothing learned in between, what is exported again is the same model, to the last weight."""
    still = ("run.steps=1", "optimiser.learning_rate=0", "frozen=[bottleneck]")
    train(tiny(*still), tmp_path / "run", start_from=exported)
    again = load_checkpoint(tmp_path / "run" / LAST)["average"]
    shipped = load_checkpoint(checkpoint)["average"]
    for name in shipped:
        if not name.startswith("bottleneck.") or name == "bottleneck.codebooks":
            assert torch.equal(again[name], shipped[name]), name
    model = export_model(tmp_path / "run" / LAST, corpus, name="tiny", description={}, card="")
    assert model.id == read_model(exported).id


def test_codebooks_of_a_model_file_learn_on(exported, tiny, train, tmp_path):
    train(tiny("run.steps=3"), tmp_path, start_from=exported)
    learned = load_checkpoint(tmp_path / LAST)["model"]["bottleneck.codebooks"].numpy()
    shipped = read_model(exported).codebooks
    assert 0 < np.abs(learned - shipped).mean() < 0.5 * np.abs(shipped).mean()


@pytest.mark.parametrize(
    "overrides, hint",
    [
        (["model.encoder.width=16"], "another network"),
        (["model.encoder.attention=1"], "not hold all weights"),
        (["model.bottleneck.learn=gradient", "model.bottleneck.books=2"], "another network"),
    ],
)
def test_training_goes_on_from_the_same_network_alone(exported, tiny, train, tmp_path, overrides, hint):
    with pytest.raises(SettingsError, match=hint):
        train(tiny(*overrides), tmp_path, start_from=exported)


def test_a_vocoder_cannot_be_trained_on(tiny, train, tmp_path):
    write_model(tmp_path / "vocoder.bvx", find_model("vocoder-1200"))
    with pytest.raises(SettingsError, match="no networks"):
        train(tiny(), tmp_path / "run", start_from=tmp_path / "vocoder.bvx")
