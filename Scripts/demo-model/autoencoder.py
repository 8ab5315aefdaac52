"""The autoencoder: trained whole on crops, then its decoder alone on whole pictures.

On crops it sees many edges for little work; but group norms and the middle block's attention look at everything that
is there, so a decoder that knows only crops blurs whole pictures. The second stage mends that with the encoder fixed.
"""

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch.nn.functional import avg_pool2d

import emoji
from training import Stage, device

CONFIG = dict(
    in_channels=3, out_channels=3, latent_channels=4, sample_size=emoji.SIDE,
    down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4,
    block_out_channels=[16, 32, 64, 64], layers_per_block=1, norm_num_groups=8, scaling_factor=1.0, force_upcast=False,
)  # fmt: skip
CROP = 64
CROPS_PER_STEP, CROP_STEPS = 8, 9000
PICTURES_PER_STEP, WHOLE_STEPS = 4, 5000
KL_WEIGHT = 1e-3
SQUARED_WEIGHT = 15


def to_tensor(pictures):
    """Pictures of bytes, [n, h, w, 3], as a tensor from -1 to 1, [n, 3, h, w], channels last in memory."""
    batch = torch.from_numpy(np.stack(pictures)).to(device()).permute(0, 3, 1, 2).float().div(127.5).sub(1)
    return batch.contiguous(memory_format=torch.channels_last)


def untrained():
    torch.manual_seed(0)
    return AutoencoderKL(**CONFIG).to(device(), memory_format=torch.channels_last)


def crop(picture, chance):
    """A square of the picture, more often from its middle, where things are."""
    towards_middle = lambda: round(chance.triangular(0, emoji.SIDE - CROP))
    y, x = towards_middle(), towards_middle()
    return picture[y : y + CROP, x : x + CROP]


def edges(x):
    return x[..., 1:] - x[..., :-1], x[..., 1:, :] - x[..., :-1, :]


def edge_loss(made, wanted):
    return sum((a - b).abs().mean() for a, b in zip(edges(made), edges(wanted)))


def half_precision():
    """bfloat16 where the hardware multiplies it; most CPUs only imitate it, ten times slower than float32."""
    has_bfloat16 = device().type == "cuda" or torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return torch.autocast(device().type, dtype=torch.bfloat16, enabled=has_bfloat16)


def crop_loss(vae, chance, generator):
    """Absolute error, error of edges, and a light pull of the latents towards a normal distribution."""
    pictures = [emoji.composition_for_autoencoder(chance).render() for _ in range(CROPS_PER_STEP)]
    wanted = to_tensor([crop(picture, chance) for picture in pictures])
    noise = torch.randn(CROPS_PER_STEP, CONFIG["latent_channels"], CROP // 8, CROP // 8, generator=generator)
    with half_precision():
        latents = vae.encode(wanted).latent_dist
        made = vae.decode(latents.mean + latents.std * noise.to(wanted.device)).sample
    made, mean, logvar = made.float(), latents.mean.float(), latents.logvar.float()
    divergence = 0.5 * (mean**2 + logvar.exp() - 1 - logvar).mean()
    absolute = (made - wanted).abs().mean()
    return absolute + 0.5 * edge_loss(made, wanted) + KL_WEIGHT * divergence, {"l1": absolute, "kl": divergence}


def whole_loss(vae, chance, generator):
    """Absolute error at three scales, squared error and error of edges, through the decoder alone."""
    wanted = to_tensor([emoji.composition_for_autoencoder(chance).render() for _ in range(PICTURES_PER_STEP)])
    with half_precision():
        with torch.no_grad():
            latents = vae.encode(wanted).latent_dist
            noise = torch.randn(latents.mean.shape, generator=generator).to(wanted.device)
            z = latents.mean + latents.std * noise
        made = vae.decode(z).sample.float()
    loss = 1.5 * edge_loss(made, wanted) + SQUARED_WEIGHT * ((made - wanted) ** 2).mean()
    for scale in (1, 2, 4):
        loss = loss + (avg_pool2d(made, scale) - avg_pool2d(wanted, scale)).abs().mean()
    return loss, {"l1": (made - wanted).abs().mean()}


def train(folder, unfinished=False):
    """Both stages; gives the autoencoder in float32. `unfinished` takes no step, only what is there."""
    vae = untrained()
    whole = Stage("autoencoder", folder, {"vae": vae}, steps=CROP_STEPS, rate=2e-3, seed=1)
    if not unfinished:
        whole.run(lambda chance, generator: crop_loss(vae, chance, generator))
    whole.use_averages()
    vae.encoder.requires_grad_(False)
    vae.quant_conv.requires_grad_(False)
    decoder = Stage("decoder", folder, {"vae": vae}, steps=WHOLE_STEPS, rate=1e-3, seed=2, average=0.998,
                    weight_decay=0)  # fmt: skip
    if not unfinished:
        decoder.run(lambda chance, generator: whole_loss(vae, chance, generator))
    decoder.use_averages()
    return vae.eval().requires_grad_(False)
