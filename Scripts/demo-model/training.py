"""A training loop that survives interruption: a stage stopped at any step goes on to the weights it would have had."""

import hashlib
import os
import random
import time
from pathlib import Path

import torch

SECONDS_BETWEEN_CHECKPOINTS = 120
REPORT_EVERY = 50


def device():
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def save_whole(values, path):
    """Writes beside `path`, then renames: a checkpoint is whole or is the one before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    torch.save(values, beside)
    os.replace(beside, path)


def fingerprint(*inputs):
    """A hash of modules' weights and of tensors."""
    digest = hashlib.sha256()
    for each in inputs:
        for tensor in each.state_dict().values() if isinstance(each, torch.nn.Module) else [each]:
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


class Stage:
    """One stage of training: modules, an AdamW over what of them is trained, and an average of the weights.

    A step's random numbers come from the stage's seed and the step's number alone, so that a stage that was stopped
    and taken up again makes the steps it would have made. Its checkpoint tells what it began with, the modules' first
    weights and `inputs`, further modules or tensors, and is not taken up after anything else.
    """

    def __init__(self, name, folder, modules, *, steps, rate, seed, inputs=(), warmup=100, decay=0.3, average=0.999,
                 betas=(0.9, 0.99), weight_decay=1e-4):
        self.name, self.path, self.steps, self.seed = name, Path(folder) / f"{name}.pt", steps, seed
        self.modules, self.rate, self.warmup, self.decay, self.average = modules, rate, warmup, decay, average
        trained = [p for module in modules.values() for p in module.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(trained, lr=rate, betas=betas, weight_decay=weight_decay, fused=True)
        self.trained = trained
        self.averages = [p.detach().clone() for p in trained]
        self.done, self.seconds = 0, 0.0
        self.began_with = fingerprint(*modules.values(), *inputs)
        self._restore()

    @property
    def is_finished(self):
        return self.done >= self.steps

    def learning_rate(self, step):
        """Rises over `warmup` steps, stays, and falls to nothing over the last share `decay`."""
        falling = (self.steps - step) / (self.decay * self.steps)
        return self.rate * min(1, (step + 1) / self.warmup, falling)

    def run(self, loss_of):
        """Takes the steps that are left. `loss_of(chance, generator)` gives the loss and figures to report."""
        last_saved = started = time.monotonic()
        recent = {}
        while not self.is_finished:
            step = self.done
            seed = self.seed * 1_000_003 + step
            generator = torch.Generator().manual_seed(seed)
            for group in self.optimizer.param_groups:
                group["lr"] = self.learning_rate(step)
            loss, figures = loss_of(random.Random(seed), generator)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.trained, 1.0, error_if_nonfinite=True)
            self.optimizer.step()
            self.done += 1
            self._average()
            for key, value in figures.items():
                recent[key] = 0.98 * recent.get(key, value.item()) + 0.02 * value.item()
            now = time.monotonic()
            if self.done % REPORT_EVERY == 0 or self.is_finished:
                told = "  ".join(f"{key} {value:.4f}" for key, value in recent.items())
                print(f"{self.name}: step {self.done} of {self.steps}  {self.seconds + now - started:.0f} s  {told}",
                      flush=True)
            if now - last_saved > SECONDS_BETWEEN_CHECKPOINTS or self.is_finished:
                self._save(self.seconds + now - started)
                last_saved = now
        self.seconds += time.monotonic() - started

    def use_averages(self):
        """Puts the averaged weights, those that are kept, into the modules."""
        with torch.no_grad():
            for parameter, average in zip(self.trained, self.averages):
                parameter.copy_(average)

    def _average(self):
        share = min(self.average, (1 + self.done) / (10 + self.done))
        torch._foreach_mul_(self.averages, share)
        torch._foreach_add_(self.averages, [p.detach() for p in self.trained], alpha=1 - share)

    def _save(self, seconds):
        state = {name: module.state_dict() for name, module in self.modules.items()}
        save_whole({"done": self.done, "steps": self.steps, "began_with": self.began_with, "seconds": seconds,
                    "modules": state, "averages": self.averages, "optimizer": self.optimizer.state_dict()}, self.path)

    def _restore(self):
        if not self.path.exists():
            return
        saved = torch.load(self.path, map_location=device())
        if (saved["began_with"], saved["steps"]) != (self.began_with, self.steps):
            raise SystemExit(f"{self.path} was made from other weights or for another number of steps "
                             f"({saved['steps']}, now {self.steps}): delete it to train this stage anew")
        for name, module in self.modules.items():
            module.load_state_dict(saved["modules"][name])
        self.averages = saved["averages"]
        self.optimizer.load_state_dict(saved["optimizer"])
        self.done, self.seconds = saved["done"], saved["seconds"]


def training_seconds(folder):
    """The seconds that each stage's steps took, over all runs."""
    paths = sorted(Path(folder).glob("*.pt"))
    saved = {path.stem: torch.load(path, map_location="cpu", mmap=True) for path in paths}
    return {name: round(state["seconds"]) for name, state in saved.items() if "seconds" in state}
