"""DistillMOS: quality without the original, by a small network that learned from a large one."""

from __future__ import annotations

import contextlib
import io
import sys
from types import ModuleType

from brevox.evaluation.metrics.metric import Measure, Metric, Options, Pair, Score


def _open(options: Options) -> Measure:
    import torch

    with _without_torchaudio(), contextlib.redirect_stdout(io.StringIO()):  # it prints where its weights lie
        from distillmos import ConvTransformerSQAModel

        model = ConvTransformerSQAModel().eval()

    def measure(pair: Pair) -> Score:
        with torch.inference_mode():
            return Score(float(model(torch.from_numpy(pair.degraded)[None]).item()))

    return measure


@contextlib.contextmanager
def _without_torchaudio():  # type: ignore[no-untyped-def]
    """distillmos imports torchaudio, by which only its command line reads files, and which not every torch has."""
    try:
        import torchaudio  # noqa: F401
    except (ImportError, OSError):
        sys.modules["torchaudio"] = ModuleType("torchaudio")
        try:
            yield
        finally:
            del sys.modules["torchaudio"]
    else:
        yield


DISTILLMOS = Metric(
    name="distillmos",
    title="DistillMOS",
    unit="MOS",
    low=1.0,
    high=5.0,
    higher_is_better=True,
    says="quality of speech in general, without knowing the original; trained on codecs too",
    source="Stahl and Gamper, ICASSP 2025; program: distillmos",
    package="torch && pip install --no-deps distillmos xls-r-sqa",
    open=_open,
    uses_reference=False,
)
