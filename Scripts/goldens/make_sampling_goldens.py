#!/usr/bin/env python3
"""Write Tests/Goldens/sampling: what torch, scipy and diffusers say of noise, schedules and Euler's steps.

    python3.11 -m venv .venv
    .venv/bin/pip install numpy==2.4.6 scipy==1.17.1 torch==2.15.0 diffusers==0.36.0
    .venv/bin/python Scripts/goldens/make_sampling_goldens.py Tests/Goldens/sampling

Each NAME.json describes its cases and has the small values; long float32 ones are ranges [first, count] of NAME.f32,
little-endian. Made on x86-64 with AVX-512: torch's own vector logarithm and sine may differ by an ulp elsewhere.

noise.json      torch.randn from seeded CPU generators, in one draw and in many
beta.json       quantiles of scipy's beta distribution of shapes (0.6, 0.6)
schedules.json  EulerDiscreteScheduler.set_timesteps over a table of configs and step counts
steps.json      EulerDiscreteScheduler.step along whole runs, with fixed random model outputs
samplers.json   the same of the other schedulers, made from EulerDiscreteScheduler's configs as diffusers users do
"""
import itertools
import json
import pathlib
import sys

import diffusers
import numpy as np
import scipy
import scipy.stats
import torch
from diffusers import (DPMSolverMultistepScheduler, EulerAncestralDiscreteScheduler, EulerDiscreteScheduler,
                       LCMScheduler)

VERSIONS = dict(numpy=np.__version__, scipy=scipy.__version__, torch=torch.__version__.split("+")[0],
                diffusers=diffusers.__version__)
SDXL = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
SSD1B = dict(SDXL, timestep_spacing="leading", steps_offset=1)


class Golden:
    """A JSON file of cases and a float32 file of their long values."""

    def __init__(self, folder, name):
        self.path, self.values, self.count = folder / name, [], 0

    def store(self, values):
        array = np.asarray(values, dtype=np.float32).ravel()
        self.values.append(array)
        self.count += array.size
        return [self.count - array.size, array.size]

    def write(self, content):
        text = json.dumps(dict(versions=VERSIONS, **content), sort_keys=True, separators=(",", ":"))
        self.path.with_suffix(".json").write_text(text.replace('},{"', '},\n{"') + "\n")
        if self.values:
            np.concatenate(self.values).astype("<f4").tofile(self.path.with_suffix(".f32"))


def noise(folder):
    golden = Golden(folder, "noise")
    seeds = [0, 1, 42, 2**32 - 1, 2**32, 2**32 + 5, 2**63, 2**64 - 1]
    draws = [[1], [2], [15], [16], [17], [31], [32], [625], [1024],
             [3, 4, 17, 1, 16, 5, 31, 2, 1, 15, 640, 1, 7], [1, 16, 1], [1, 0, 1]]
    plan = [(seed, counts, None) for seed, counts in itertools.product(seeds, draws)]
    # Of the longest draws, one whole and otherwise each stride-th value and the last 32.
    plan += [(42, [4 * 128 * 128], 1), (2**64 - 1, [4 * 128 * 128], 61), (7, [1_000_003], 997)]
    cases = []
    for seed, counts, stride in plan:
        generator = torch.Generator("cpu").manual_seed(seed)
        drawn = torch.cat([torch.randn(n, generator=generator) for n in counts]).numpy()
        if stride:
            drawn = np.concatenate([drawn[::stride], drawn[-32:]])
        cases.append(dict(seed=str(seed), counts=counts, stride=stride, values=golden.store(drawn)))
    golden.write(dict(cases=cases))


def beta(folder):
    probabilities = sorted({0.0, 1.0, 0.5, 1e-170, 1e-30, 1e-12, 1e-6, 1e-3, 1 - 1e-3, 1 - 1e-6, 1 - 1e-12}
                           | set((np.arange(1, 200) / 200).tolist()))
    Golden(folder, "beta").write(dict(
        shape=0.6, probabilities=probabilities,
        quantiles=scipy.stats.beta.ppf(probabilities, 0.6, 0.6).tolist(),
        cumulative=scipy.stats.beta.cdf(probabilities, 0.6, 0.6).tolist()))


def configs():
    spacings = ["linspace", "leading", "trailing"]
    spreads = ["use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas"]
    yield from [dict(), SSD1B, dict(SDXL, timestep_spacing="leading")]
    for spacing, schedule in itertools.product(spacings, ["linear", "scaled_linear", "squaredcos_cap_v2"]):
        yield dict(beta_schedule=schedule, beta_start=0.00085, beta_end=0.012, timestep_spacing=spacing)
    for spacing, spread in itertools.product(spacings, spreads):
        yield dict(SDXL, timestep_spacing=spacing, steps_offset=1, **{spread: True})
    for spread in spreads:
        yield dict(SSD1B, sigma_min=0.03, sigma_max=14.5, **{spread: True})
        yield dict(SSD1B, sigma_max=20.0, final_sigmas_type="sigma_min", **{spread: True})
        yield dict(SSD1B, interpolation_type="log_linear", **{spread: True})
        yield dict(SSD1B, prediction_type="v_prediction", timestep_type="continuous", **{spread: True})
        yield dict(SSD1B, rescale_betas_zero_snr=True, **{spread: True})
    for spacing in spacings:
        yield dict(SDXL, timestep_spacing=spacing, final_sigmas_type="sigma_min")
        yield dict(SDXL, timestep_spacing=spacing, rescale_betas_zero_snr=True, prediction_type="v_prediction")
        yield dict(SDXL, timestep_spacing=spacing, interpolation_type="log_linear")
        yield dict(SDXL, timestep_spacing=spacing, prediction_type="v_prediction", timestep_type="continuous")
    yield dict(SSD1B, interpolation_type="log_linear", final_sigmas_type="sigma_min")
    yield dict(SDXL, prediction_type="v_prediction", timestep_type="continuous", interpolation_type="log_linear")
    yield dict(SSD1B, steps_offset=0, num_train_timesteps=999)
    yield dict(SSD1B, steps_offset=7, num_train_timesteps=1100)
    yield dict(num_train_timesteps=50, timestep_spacing="trailing")
    yield dict(num_train_timesteps=50, trained_betas=[round(0.001 + 0.0004 * i, 6) for i in range(50)])
    yield dict(num_train_timesteps=25, beta_schedule="squaredcos_cap_v2", rescale_betas_zero_snr=True)


def fits(config, steps):
    """Whether the config has that many different timesteps."""
    trained = config.get("num_train_timesteps", 1000)
    first = (steps - 1) * (trained // steps) + config.get("steps_offset", 0)
    return steps <= trained and (config.get("timestep_spacing") != "leading" or first < trained)


def schedules(folder):
    golden = Golden(folder, "schedules")
    cases = []
    for config in configs():
        scheduler = EulerDiscreteScheduler(**config)
        runs = []
        for steps in [1, 2, 4, 20, 25, 50, 999]:
            if not fits(config, steps):
                continue
            scheduler.set_timesteps(steps)
            runs.append(dict(steps=steps, timesteps=golden.store(scheduler.timesteps),
                             sigmas=golden.store(scheduler.sigmas),
                             initial=golden.store(scheduler.init_noise_sigma)))
        cases.append(dict(config=dict(config, _class_name="EulerDiscreteScheduler"), runs=runs))
    golden.write(dict(cases=cases))


def steps(folder):
    golden = Golden(folder, "steps")
    cases = []
    table = [SSD1B, dict(SDXL, timestep_spacing="trailing", prediction_type="v_prediction", rescale_betas_zero_snr=True),
             dict(SSD1B, prediction_type="sample"), dict(SSD1B, use_karras_sigmas=True),
             dict(SSD1B, prediction_type="v_prediction", timestep_type="continuous", use_exponential_sigmas=True),
             dict(SDXL, use_beta_sigmas=True, prediction_type="sample", final_sigmas_type="sigma_min"),
             dict(SDXL, interpolation_type="log_linear"), dict()]
    for number, (config, count) in enumerate(itertools.product(table, [1, 6])):
        scheduler = EulerDiscreteScheduler(**config)
        scheduler.set_timesteps(count)
        generator = torch.Generator("cpu").manual_seed(number)
        latents = torch.randn(4 * 5 * 3, generator=generator) * scheduler.init_noise_sigma
        case = dict(config=dict(config, _class_name="EulerDiscreteScheduler"), steps=count,
                    latents=golden.store(latents), each=[])
        for timestep in scheduler.timesteps:
            shown = scheduler.scale_model_input(latents, timestep)
            output = torch.randn(latents.shape, generator=generator)
            result = scheduler.step(output, timestep, latents)
            latents = result.prev_sample
            case["each"].append(dict(input=golden.store(shown), output=golden.store(output),
                                     latents=golden.store(latents), denoised=golden.store(result.pred_original_sample)))
        cases.append(case)
    golden.write(dict(cases=cases))


def sigmas_of(scheduler):
    """A scheduler's noise levels; LCM's, which has no table of its own, from its alphas, with 0 at the end."""
    if not isinstance(scheduler, LCMScheduler):
        return scheduler.sigmas
    alphas = scheduler.alphas_cumprod[scheduler.timesteps]
    return torch.cat([((1 - alphas) / alphas) ** 0.5, torch.zeros(1)])


def samplers(folder):
    golden = Golden(folder, "samplers")
    table = [SSD1B, dict(SDXL, timestep_spacing="trailing", prediction_type="v_prediction"), dict(SDXL),
             dict(SDXL, timestep_spacing="linspace", final_sigmas_type="sigma_min"),
             dict(beta_schedule="squaredcos_cap_v2", timestep_spacing="leading")]
    classes = [("euler_ancestral", EulerAncestralDiscreteScheduler, {}),
               ("dpmpp_2m", DPMSolverMultistepScheduler, dict(use_karras_sigmas=False)),
               ("dpmpp_2m_karras", DPMSolverMultistepScheduler, dict(use_karras_sigmas=True)),
               ("lcm", LCMScheduler, dict(clip_sample=False))]
    cases = []
    for number, (config, (name, kind, extra), count) in enumerate(itertools.product(table, classes, [1, 2, 6, 20])):
        config = dict(config, _class_name="EulerDiscreteScheduler")
        own = EulerDiscreteScheduler.from_config(config).config
        scheduler = kind.from_config(own, **extra)
        scheduler.set_timesteps(count)
        # Else the second of two equal timesteps would be taken for the first.
        scheduler.set_begin_index(0)
        generator = torch.Generator("cpu").manual_seed(number)
        latents = torch.randn(4 * 5 * 4, generator=generator) * scheduler.init_noise_sigma
        outputs = torch.Generator("cpu").manual_seed(1000 + number)
        case = dict(config=config, scheduler=name, steps=count, seed=str(number), initial=golden.store(latents),
                    timesteps=golden.store(scheduler.timesteps), sigmas=golden.store(sigmas_of(scheduler)), each=[])
        for timestep in scheduler.timesteps:
            shown = scheduler.scale_model_input(latents, timestep)
            output = torch.randn(latents.shape, generator=outputs)
            latents = scheduler.step(output, timestep, latents, generator=generator).prev_sample
            case["each"].append(dict(input=golden.store(shown), output=golden.store(output),
                                     latents=golden.store(latents)))
        cases.append(case)
    golden.write(dict(cases=cases))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    target = pathlib.Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    for make in (noise, beta, schedules, steps, samplers):
        make(target)
