import Base
import Checkpoints

/// What a pipeline folder says of itself in `model_index.json`.
struct ModelIndex {
  var zeroesAbsentNegative: Bool

  /// Throws a `Diagnostic` when the folder is no pipeline of the SDXL family.
  init(_ files: any ModelFiles) throws {
    let name = "model_index.json"
    guard files.has(name) else {
      throw Diagnostic(
        .model, at: files.name,
        "expected a pipeline folder in the diffusers layout, found no model_index.json",
        hint: "give --model the folder that holds model_index.json, unet/, vae/, text_encoder/ and tokenizer/"
      )
    }
    let place = files.place(name)
    let document = try files.json(name)
    var fields = try FieldReader(document, at: place)
    if case .object(let all) = document, case .string(let type)? = all["_class_name"],
      !type.hasPrefix("StableDiffusionXL")
    {
      fields.note("_class_name: expected a StableDiffusionXL pipeline, found \(type)")
    }
    zeroesAbsentNegative = fields.boolean("force_zeros_for_empty_prompt", default: true)
    let components = [
      "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "unet", "vae", "scheduler",
      "feature_extractor",
      "image_encoder", "add_watermarker", "requires_aesthetics_score",
    ]
    try fields.finish(ignoring: Set(components))
  }
}
