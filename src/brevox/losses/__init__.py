"""What training minimises. Importing this room registers the losses under their short names."""

import brevox.losses.loudness
import brevox.losses.mel
import brevox.losses.multi_spectral
import brevox.losses.stft
import brevox.losses.waveform
import brevox.losses.whisper  # noqa: F401
