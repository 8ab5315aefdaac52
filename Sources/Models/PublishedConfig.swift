import Base

/// The published configurations of the SDXL family, so that an architecture can be asked about with no checkpoint at hand.
///
/// They are read by the same code as a checkpoint's `config.json`.
enum PublishedConfig {
  /// OpenAI's CLIP ViT-L/14 text encoder.
  static let clipL = """
    {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "vocab_size": 49408, "hidden_size": 768,
    "intermediate_size": 3072, "projection_dim": 768, "num_hidden_layers": 12,
    "num_attention_heads": 12, "max_position_embeddings": 77, "layer_norm_eps": 1e-05,
    "hidden_act": "quick_gelu", "initializer_range": 0.02, "initializer_factor": 1.0,
    "attention_dropout": 0.0, "model_type": "clip_text_model", "_class_name": "CLIPTextModel"}
    """

  /// OpenCLIP's ViT-bigG/14 text encoder, with its projection.
  static let openCLIPbigG = """
    {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "vocab_size": 49408, "hidden_size": 1280,
    "intermediate_size": 5120, "projection_dim": 1280, "num_hidden_layers": 32,
    "num_attention_heads": 20, "max_position_embeddings": 77, "layer_norm_eps": 1e-05,
    "hidden_act": "gelu", "initializer_range": 0.02, "initializer_factor": 1.0,
    "attention_dropout": 0.0, "model_type": "clip_text_model",
    "_class_name": "CLIPTextModelWithProjection"}
    """

  /// SDXL's autoencoder.
  static let vae = """
    {"in_channels": 3, "out_channels": 3,
    "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"],
    "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"],
    "block_out_channels": [128, 256, 512, 512], "layers_per_block": 2, "act_fn": "silu",
    "latent_channels": 4, "norm_num_groups": 32, "sample_size": 1024, "scaling_factor": 0.13025,
    "shift_factor": null, "latents_mean": null, "latents_std": null, "force_upcast": true,
    "use_quant_conv": true, "use_post_quant_conv": true, "mid_block_add_attention": true,
    "_class_name": "AutoencoderKL"}
    """

  /// Stable Diffusion XL base 1.0 (Podell et al. 2023).
  static let sdxl = """
    {"sample_size": 128, "in_channels": 4, "out_channels": 4, "center_input_sample": false,
    "flip_sin_to_cos": true, "freq_shift": 0,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "mid_block_type": "UNetMidBlock2DCrossAttn",
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "only_cross_attention": false, "block_out_channels": [320, 640, 1280], "layers_per_block": 2,
    "downsample_padding": 1, "mid_block_scale_factor": 1, "dropout": 0.0, "act_fn": "silu",
    "norm_num_groups": 32, "norm_eps": 1e-05, "cross_attention_dim": 2048,
    "transformer_layers_per_block": [1, 2, 10], "reverse_transformer_layers_per_block": null,
    "encoder_hid_dim": null, "encoder_hid_dim_type": null, "attention_head_dim": [5, 10, 20],
    "num_attention_heads": null, "dual_cross_attention": false, "use_linear_projection": true,
    "class_embed_type": null, "addition_embed_type": "text_time", "addition_time_embed_dim": 256,
    "num_class_embeds": null, "upcast_attention": false, "resnet_time_scale_shift": "default",
    "resnet_skip_time_act": false, "resnet_out_scale_factor": 1.0,
    "time_embedding_type": "positional", "time_embedding_dim": null, "time_embedding_act_fn": null,
    "timestep_post_act": null, "time_cond_proj_dim": null, "conv_in_kernel": 3, "conv_out_kernel": 3,
    "projection_class_embeddings_input_dim": 2816, "attention_type": "default",
    "class_embeddings_concat": false, "mid_block_only_cross_attention": null,
    "cross_attention_norm": null, "addition_embed_type_num_heads": 64,
    "_class_name": "UNet2DConditionModel"}
    """

  /// Segmind SSD-1B (Gupta et al. 2024).
  static let ssd1b = """
    {"sample_size": 128, "in_channels": 4, "out_channels": 4, "center_input_sample": false,
    "flip_sin_to_cos": true, "freq_shift": 0,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "mid_block_type": "UNetMidBlock2D",
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "only_cross_attention": false, "block_out_channels": [320, 640, 1280], "layers_per_block": 2,
    "downsample_padding": 1, "mid_block_scale_factor": 1, "dropout": 0.0, "act_fn": "silu",
    "norm_num_groups": 32, "norm_eps": 1e-05, "cross_attention_dim": 2048,
    "transformer_layers_per_block": [1, [2, 2], [4, 4]],
    "reverse_transformer_layers_per_block": [[4, 4, 10], [2, 1, 1], 1], "encoder_hid_dim": null,
    "encoder_hid_dim_type": null, "attention_head_dim": [5, 10, 20], "num_attention_heads": null,
    "dual_cross_attention": false, "use_linear_projection": true, "class_embed_type": null,
    "addition_embed_type": "text_time", "addition_time_embed_dim": 256, "num_class_embeds": null,
    "upcast_attention": false, "resnet_time_scale_shift": "default", "resnet_skip_time_act": false,
    "resnet_out_scale_factor": 1.0, "time_embedding_type": "positional", "time_embedding_dim": null,
    "time_embedding_act_fn": null, "timestep_post_act": null, "time_cond_proj_dim": null,
    "conv_in_kernel": 3, "conv_out_kernel": 3, "projection_class_embeddings_input_dim": 2816,
    "attention_type": "default", "class_embeddings_concat": false,
    "mid_block_only_cross_attention": null, "cross_attention_norm": null,
    "addition_embed_type_num_heads": 64, "_class_name": "UNet2DConditionModel"}
    """

  /// Segmind-Vega (Gupta et al. 2024).
  static let vega = """
    {"sample_size": 128, "in_channels": 4, "out_channels": 4, "center_input_sample": false,
    "flip_sin_to_cos": true, "freq_shift": 0,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "mid_block_type": "UNetMidBlock2D",
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "only_cross_attention": false, "block_out_channels": [320, 640, 1280], "layers_per_block": 2,
    "downsample_padding": 1, "mid_block_scale_factor": 1, "dropout": 0.0, "act_fn": "silu",
    "norm_num_groups": 32, "norm_eps": 1e-05, "cross_attention_dim": 2048,
    "transformer_layers_per_block": [1, [1, 1], [2, 2]],
    "reverse_transformer_layers_per_block": [[2, 2, 2], [1, 1, 1], 1], "encoder_hid_dim": null,
    "encoder_hid_dim_type": null, "attention_head_dim": [5, 10, 20], "num_attention_heads": null,
    "dual_cross_attention": false, "use_linear_projection": true, "class_embed_type": null,
    "addition_embed_type": "text_time", "addition_time_embed_dim": 256, "num_class_embeds": null,
    "upcast_attention": false, "resnet_time_scale_shift": "default", "resnet_skip_time_act": false,
    "resnet_out_scale_factor": 1.0, "time_embedding_type": "positional", "time_embedding_dim": null,
    "time_embedding_act_fn": null, "timestep_post_act": null, "time_cond_proj_dim": null,
    "conv_in_kernel": 3, "conv_out_kernel": 3, "projection_class_embeddings_input_dim": 2816,
    "attention_type": "default", "class_embeddings_concat": false,
    "mid_block_only_cross_attention": null, "cross_attention_norm": null,
    "addition_embed_type_num_heads": 64, "_class_name": "UNet2DConditionModel"}
    """

}
