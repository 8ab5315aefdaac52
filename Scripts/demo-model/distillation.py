"""An adapter for few-step sampling: latent consistency distillation of the finished UNet into a LoRA (Luo et al. 2023).

The student, UNet plus LoRA, learns to give from any point of the teacher's guided path the same clean latents as from
the point before it. Guidance is distilled in, so sampling needs neither a second half nor a guidance scale.
"""

from pathlib import Path

import torch
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict

from adapters import write
from training import Stage, device

RANK = 8
LAYERS = ["to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2"]
BATCH, STEPS = 32, 600
GUIDANCE = 4
GRID = 20  # timesteps between neighbours on the grid that LCMScheduler's few steps are chosen from
STRIDE = 2 * GRID
SIGMA_DATA, TIMESTEP_SCALING = 0.5, 10.0  # LCMScheduler's boundary condition
HUBER = 0.01


def boundary(times):
    """How much of the noisy latents and of the prediction the consistency function is made of, as LCMScheduler has it."""
    scaled = times.float() * TIMESTEP_SCALING
    skip = SIGMA_DATA**2 / (scaled**2 + SIGMA_DATA**2)
    out = scaled / (scaled**2 + SIGMA_DATA**2).sqrt()
    return skip[:, None, None, None], out[:, None, None, None]


class Distillation:
    """A finished denoiser with a LoRA on it: with the LoRA it is the student, without it the teacher."""

    def __init__(self, model, bank):
        self.model, self.bank = model, bank
        model.freeze()
        torch.manual_seed(0)
        model.unet.add_adapter(LoraConfig(r=RANK, lora_alpha=RANK, target_modules=LAYERS))
        self.no_states, self.no_pooled = (torch.zeros_like(x) for x in model.encode(["a fox"]))

    def clean(self, noisy, noise, times):
        alpha = self.model.alphas[times][:, None, None, None]
        return (noisy - (1 - alpha).sqrt() * noise) / alpha.sqrt()

    def consistent(self, noisy, times, states, pooled):
        skip, out = boundary(times)
        predicted = self.model.predict(noisy, times, states, pooled)
        return skip * noisy + out * self.clean(noisy, predicted, times)

    def teacher_step(self, noisy, times, earlier, states, pooled):
        """One guided DDIM step of the teacher, from `times` to `earlier`."""
        count = len(noisy)
        self.model.unet.disable_adapters()
        both = self.model.predict(
            torch.cat([noisy, noisy]), torch.cat([times, times]),
            torch.cat([states, self.no_states.expand(count, -1, -1)]), torch.cat([pooled, self.no_pooled.expand(count, -1)]),
        )  # fmt: skip
        self.model.unet.enable_adapters()
        asked, free = both.chunk(2)
        noise = free + GUIDANCE * (asked - free)
        return self.model.add_noise(self.clean(noisy, noise, times), noise, earlier)

    def loss(self, chance, generator):
        latents, captions = self.bank.draw(BATCH, chance)
        index = torch.randint(len(self.model.alphas) // GRID, (BATCH,), generator=generator)
        times = ((index + 1) * GRID - 1).to(device())
        noise = torch.randn(latents.shape, generator=generator).to(device())
        with torch.no_grad():
            states, pooled = self.model.encode(captions)
            noisy = self.model.add_noise(latents, noise, times)
            earlier = (times - STRIDE).clamp(min=0)  # at 0 the consistency function is its input: the anchor of all
            target = self.consistent(self.teacher_step(noisy, times, earlier, states, pooled), earlier, states, pooled)
        error = self.consistent(noisy, times, states, pooled) - target
        return ((error**2 + HUBER**2).sqrt() - HUBER).mean(), {"error": error.detach().abs().mean()}


def train(vae, model, bank, folder):
    """Trains the adapter and writes it, fp16, in PEFT's layout: FOLDER/adapters/lcm.safetensors."""
    work = Distillation(model, bank)
    stage = Stage("lcm", folder, {"unet": model.unet}, steps=STEPS, rate=1e-3, seed=5, decay=0.5, average=0.99,
                  weight_decay=0, inputs=[bank.latents])  # fmt: skip
    stage.run(work.loss)
    stage.use_averages()
    write(get_peft_model_state_dict(model.unet), Path(folder) / "adapters" / "lcm.safetensors")
