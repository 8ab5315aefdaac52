import Foundation

/// Names under which a checkpoint may hold a tensor that the model calls otherwise.
public enum KeyLayout {
  /// The keys to look for, most usual first, given the model's own.
  ///
  /// Newer transformers write a text encoder's keys without the `text_model.` prefix that published files have; older
  /// diffusers call the autoencoder's attention query, key, value and proj_attn.
  public static func candidates(for key: String) -> [String] {
    let prefix = "text_model."
    if key.hasPrefix(prefix) { return [key, String(key.dropFirst(prefix.count))] }
    for (name, older) in olderAttention {
      if let range = key.range(of: "mid_block.attentions.0.\(name).") {
        return [key, key.replacingCharacters(in: range, with: "mid_block.attentions.0.\(older).")]
      }
    }
    return [key]
  }

  private static let olderAttention = [
    ("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "proj_attn"),
  ]

  /// Whether a tensor that the model does not declare is known to be no weight of it: a buffer that older versions saved, a
  /// training schedule, an averaged copy, another network that was saved beside it.
  public static func isUnused(_ name: String) -> Bool {
    names.contains(name) || prefixes.contains(where: name.hasPrefix)
      || name.hasSuffix("embeddings.position_ids")
  }

  private static let names: Set<String> = [
    // Of a whole CLIP model: where the model has a projection, this is its own.
    "num_updates", "decay", "logit_scale", "text_projection", "text_projection.weight",
    "betas", "alphas_cumprod", "alphas_cumprod_prev", "sqrt_alphas_cumprod", "sqrt_one_minus_alphas_cumprod",
    "log_one_minus_alphas_cumprod", "sqrt_recip_alphas_cumprod", "sqrt_recipm1_alphas_cumprod",
    "posterior_variance", "posterior_log_variance_clipped", "posterior_mean_coef1", "posterior_mean_coef2",
    "lvlb_weights", "denoiser.sigmas", "v_pred", "ztsnr", "edm_mean", "edm_std",
  ]

  private static let prefixes = ["model_ema.", "vision_model.", "visual_projection.", "loss."]
}
