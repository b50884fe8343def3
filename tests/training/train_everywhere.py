"""Started by `fabric run` with folders of recipes: trains them one after the other, and writes down what each process
came to. Of the folder `stopped` the last process alone is told to stop, in the second step."""

import signal
import sys
from pathlib import Path

import lightning as L
import torch

from brevox.training.recipe import load_recipe
from brevox.training.trainer import Trainer


class Signalled(L.Fabric):
    steps = 0

    def clip_gradients(self, *args, **kwargs):
        self.steps += 1
        if self.steps == 2 and self.global_rank == self.world_size - 1:
            signal.raise_signal(signal.SIGTERM)
        return super().clip_gradients(*args, **kwargs)


torch.set_num_threads(1)
for name in sys.argv[1:]:
    folder = Path(name)
    fabric = (Signalled if folder.name == "stopped" else L.Fabric)(precision="32-true")
    trainer = Trainer(load_recipe(folder / "given.yaml"), folder, fabric)
    trainer.run()
    state = {"step": trainer.step, "model": trainer.plain_model.state_dict(), "average": trainer.average.weights}
    if trainer.task.game.discriminator is not None:
        state["discriminator"] = trainer.task.game.discriminator.state_dict()
    torch.save(state, folder / f"process{fabric.global_rank}.pt")
