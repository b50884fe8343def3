"""What is done to crops so that they differ more than recordings do. Importing this room registers augmentations.

The codec's input and its goal are both the augmented crop: it learns to code a voice in a room, not to take the
room away.
"""

import brevox.data.augment.equaliser
import brevox.data.augment.noise
import brevox.data.augment.pitch
import brevox.data.augment.room
import brevox.data.augment.speed  # noqa: F401
