"""The text encoders and the UNet, trained together from nothing on latents that are made once.

SSD-1B's blocks at a tenth of its widths or less. What is not usual in the recipe:
- Captions are short, so most steps see SHORT of the 77 tokens, the last of them weighted as the padding that it stands
  for; the last steps see all 77. Padding is three quarters of the text's cost otherwise.
- Noise gets an offset of its mean. Without it a picture's mean shows through the noise even at the last timestep, the
  UNet reads the background's colour there instead of in the caption, and sampling, which starts from pure noise, gets
  a wrong one.
- Times are drawn one from each part of the schedule, losses weighted by min-SNR.
"""

import itertools
import math
import random
from pathlib import Path

import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.attention_processor import AttnProcessor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

import autoencoder
import emoji
import tokenizer
from training import Stage, device, fingerprint, save_whole

SCHEDULE = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", num_train_timesteps=1000)
UNET = dict(
    sample_size=emoji.SIDE // 8, in_channels=4, out_channels=4, block_out_channels=[32, 64, 96], layers_per_block=2,
    down_block_types=["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    up_block_types=["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"], mid_block_type="UNetMidBlock2D",
    transformer_layers_per_block=[1, [2, 2], [4, 4]], reverse_transformer_layers_per_block=[[4, 4, 10], [2, 1, 1], 1],
    attention_head_dim=[2, 4, 6], cross_attention_dim=128, norm_num_groups=8, use_linear_projection=True,
    addition_embed_type="text_time", addition_time_embed_dim=32, projection_class_embeddings_input_dim=256,
)  # fmt: skip
TEXT = dict(hidden_size=64, intermediate_size=192, num_hidden_layers=3, num_attention_heads=4, projection_dim=64,
            max_position_embeddings=tokenizer.LENGTH, bos_token_id=0, eos_token_id=2, pad_token_id=1)
SHORT = 18  # tokens: the longest caption's 17, start and end among them, and one of padding
VARIANTS = 4  # latents of each subject on each background at each size
BATCH, SHORT_STEPS, LONG_STEPS = 64, 5500, 600
NOISE_OFFSET = 0.12
DROPPED_CAPTIONS = 0.1
SNR_LIMIT = 5


class Bank:
    """Latents of every subject on every background at every size, some variants of each, and what they show."""

    def __init__(self, vae, folder):
        path = Path(folder) / "latents.pt"
        encoder = fingerprint(vae.encoder, vae.quant_conv)
        saved = torch.load(path, map_location=device()) if path.exists() else {}
        if saved.get("encoder") != encoder:
            saved = dict(self.encode(vae), encoder=encoder)
            save_whole(saved, path)
        self.shown, latents = saved["shown"], saved["latents"]
        self.scaling_factor = 1 / latents.std().item()
        self.latents = latents * self.scaling_factor

    @staticmethod
    @torch.no_grad()
    def encode(vae):
        each = itertools.product(emoji.NAMES, emoji.BACKGROUNDS, emoji.SIZES, range(VARIANTS))
        shown = [(name, background, size) for name, background, size, _ in each]
        latents = []
        for start in range(0, len(shown), 64):
            chance = random.Random(start)
            pictures = [emoji.place(emoji.SUBJECTS[n], emoji.BACKGROUNDS[b], s, chance).render()
                        for n, b, s in shown[start : start + 64]]  # fmt: skip
            latents.append(vae.encode(autoencoder.to_tensor(pictures)).latent_dist.mode().contiguous())
            if start % 2048 == 0:
                print(f"latents: {start} of {len(shown)}", flush=True)
        return {"shown": shown, "latents": torch.cat(latents)}

    def draw(self, count, chance):
        """`count` latents, [count, 4, 16, 16], and a caption for each."""
        picked = [chance.randrange(len(self.shown)) for _ in range(count)]
        return self.latents[picked], [emoji.caption(*self.shown[index], chance) for index in picked]


class Denoiser:
    """The two text encoders and the UNet, with what turns captions into the UNet's conditioning."""

    def __init__(self, tokenizers):
        torch.manual_seed(0)
        text = dict(TEXT, vocab_size=len(tokenizers[0]))
        self.tokenizers = tokenizers
        self.text_encoder = CLIPTextModel(CLIPTextConfig(hidden_act="quick_gelu", **text)).to(device())
        self.text_encoder_2 = CLIPTextModelWithProjection(CLIPTextConfig(hidden_act="gelu", **text)).to(device())
        self.unet = UNet2DConditionModel(**UNET).to(device(), memory_format=torch.channels_last)
        if device().type == "cpu":
            # With torch's fused attention a step takes half as long again, the mask being what slows it.
            self.unet.set_attn_processor(AttnProcessor())
        self.alphas = DDPMScheduler(**SCHEDULE).alphas_cumprod.to(device())

    @property
    def modules(self):
        return {"unet": self.unet, "text_encoder": self.text_encoder, "text_encoder_2": self.text_encoder_2}

    def compile_blocks(self):
        """On a CPU, makes steps a third faster after a minute of compiling: the blocks that come again and again alone."""
        for module in self.unet.modules():
            if device().type == "cpu" and isinstance(module, BasicTransformerBlock):
                module.compile()

    def freeze(self):
        for module in self.modules.values():
            module.requires_grad_(False)

    def token_ids(self, captions, length):
        """Token ids of captions for both encoders, each [n, length], with padding at their ends."""
        options = dict(padding="max_length", max_length=tokenizer.LENGTH, truncation=True, return_tensors="pt")
        full = [each(captions, **options).input_ids for each in self.tokenizers]
        longest = (full[0] != self.tokenizers[0].eos_token_id).sum(1).max().item() + 1  # start, words, one end
        if longest >= length:
            raise ValueError(f"a caption has {longest} tokens: expected at most {length - 1}, to leave room for padding")
        return [ids[:, :length].to(device()) for ids in full]

    def encode(self, captions, length=tokenizer.LENGTH):
        """Captions' states, [n, length, 128], and pooled vectors, [n, 64], as SDXL's pipeline joins them."""
        ids, ids_2 = self.token_ids(captions, length)
        first = self.text_encoder(ids, output_hidden_states=True).hidden_states[-2]
        second = self.text_encoder_2(ids_2, output_hidden_states=True)
        return torch.cat([first, second.hidden_states[-2]], -1), second.text_embeds

    def predict(self, noisy, times, states, pooled):
        """The noise in `noisy`. States shorter than 77 end in padding that counts for all that was cut off."""
        count, length = states.shape[:2]
        micro = torch.tensor([[emoji.SIDE, emoji.SIDE, 0, 0, emoji.SIDE, emoji.SIDE]], device=noisy.device)
        mask = None
        if length < tokenizer.LENGTH:
            # diffusers adds (1 - mask) * -10000 to the scores: this adds the logarithm of how many keys the last stands for.
            mask = torch.ones(count, length, device=noisy.device)
            mask[:, -1] += math.log(tokenizer.LENGTH - length + 1) / 10000
        conditions = {"text_embeds": pooled, "time_ids": micro.float().repeat(count, 1)}
        return self.unet(noisy, times, states, encoder_attention_mask=mask, added_cond_kwargs=conditions).sample

    def add_noise(self, latents, noise, times):
        alpha = self.alphas[times][:, None, None, None]
        return alpha.sqrt() * latents + (1 - alpha).sqrt() * noise

    def loss(self, latents, captions, length, generator):
        """Squared error of the noise, weighted by min-SNR; some captions are dropped to zero embeddings."""
        count = len(captions)
        states, pooled = self.encode(captions, length)
        kept = (torch.rand(count, generator=generator) >= DROPPED_CAPTIONS).float().to(device())
        states, pooled = states * kept[:, None, None], pooled * kept[:, None]
        parts = torch.arange(count) + torch.rand(count, generator=generator)
        times = (parts / count * len(self.alphas)).long().clamp(max=len(self.alphas) - 1).to(device())
        noise = torch.randn(latents.shape, generator=generator)
        noise = (noise + NOISE_OFFSET * torch.randn(*latents.shape[:2], 1, 1, generator=generator)).to(device())
        noisy = self.add_noise(latents, noise, times).contiguous(memory_format=torch.channels_last)
        errors = ((self.predict(noisy, times, states, pooled) - noise) ** 2).mean((1, 2, 3))
        ratio = self.alphas[times] / (1 - self.alphas[times])
        return (errors * ratio.clamp(max=SNR_LIMIT) / ratio).mean(), {"mse": errors.detach().mean()}

    def spread_positions(self):
        """Gives positions that the short steps never saw the embedding of the last one that they did."""
        with torch.no_grad():
            for encoder in (self.text_encoder, self.text_encoder_2):
                positions = encoder.text_model.embeddings.position_embedding.weight
                positions[SHORT:] = positions[SHORT - 1]


def train(vae, tokenizers, folder, unfinished=False):
    """Both stages; gives the denoiser and its bank of latents. `unfinished` takes no step, only what is there."""
    bank = Bank(vae, folder)
    model = Denoiser(tokenizers)

    def run(stage, length):
        if not (unfinished or stage.is_finished):
            model.compile_blocks()
            stage.run(lambda chance, generator: model.loss(*bank.draw(BATCH, chance), length, generator))

    short = Stage("denoiser", folder, model.modules, steps=SHORT_STEPS, rate=1.2e-3, seed=3, warmup=200,
                  weight_decay=1e-3, inputs=[bank.latents])  # fmt: skip
    run(short, SHORT)
    short.use_averages()
    model.spread_positions()
    long = Stage("denoiser-long", folder, model.modules, steps=LONG_STEPS, rate=3e-4, seed=4, decay=0.7, weight_decay=1e-3)
    run(long, tokenizer.LENGTH)
    long.use_averages()
    return model, bank
