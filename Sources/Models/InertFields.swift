/// Fields of configs that have no effect on what a network computes when it is run.
enum InertFields {
  /// What trainers leave in a config: of dropout, of diffusers' `EMAModel`, of gradient checkpointing.
  static let training: Set<String> = [
    "dropout", "decay", "inv_gamma", "min_decay", "optimization_step", "power", "update_after_step",
    "use_ema_warmup", "max_id", "gradient_checkpointing",
  ]

  /// What transformers' `PretrainedConfig` gives every model, and what CLIP's adds for training and tokenizing.
  static let transformers: Set<String> = training.union([
    "add_cross_attention", "architectures", "auto_map", "attention_dropout", "attn_implementation",
    "begin_suppress_tokens",
    "bos_token_id", "chunk_size_feed_forward", "cls_token_id", "decoder_start_token_id", "dtype",
    "experts_implementation", "finetuning_task", "id2label", "initializer_factor", "initializer_range",
    "is_decoder", "is_encoder_decoder", "label2id", "mask_token_id", "name_or_path", "num_labels",
    "output_attentions", "output_hidden_states", "pad_token_id", "prefix", "problem_type", "pruned_heads",
    "return_dict", "sep_token_id", "task_specific_params", "tf_legacy_loss", "tie_encoder_decoder",
    "tie_word_embeddings", "tokenizer_class", "torch_dtype", "torchscript", "transformers_version",
    "unk_token_id", "use_bfloat16", "use_cache",
    // Of generating text, which older versions wrote into every config.
    "bad_words_ids", "diversity_penalty", "do_sample", "early_stopping", "encoder_no_repeat_ngram_size",
    "exponential_decay_length_penalty", "forced_bos_token_id", "forced_eos_token_id", "generation_config",
    "length_penalty",
    "max_length", "min_length", "no_repeat_ngram_size", "num_beam_groups", "num_beams",
    "num_return_sequences",
    "output_scores", "remove_invalid_values", "repetition_penalty", "return_dict_in_generate",
    "suppress_tokens", "temperature", "top_k", "top_p", "typical_p",
  ])
}
