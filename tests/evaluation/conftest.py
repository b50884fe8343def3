from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

RATE_HZ = 16_000


@pytest.fixture(scope="session")
def said(speech) -> NDArray[np.float32]:
    """Nine seconds of real speech, Shape [samples]."""
    return speech[0, : 9 * RATE_HZ]


@pytest.fixture(scope="session")
def said_coarsely(codec, said) -> NDArray[np.float32]:
    """What is left of them at 0.5 kbit/s."""
    return codec.decode(codec.encode(said, kbps=0.5))[0]
