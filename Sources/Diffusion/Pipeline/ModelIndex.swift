import Base
import Checkpoints
import Models

/// What a pipeline folder says of itself in `model_index.json`.
struct ModelIndex {
  var zeroesAbsentNegative = true
  /// What keeps the pipeline from making pictures from text here, a clause each.
  private(set) var obstacles: [String] = []
  /// Classes of the components by their folders.
  private var classes: [String: String] = [:]

  /// Throws a `Diagnostic` when the file is damaged.
  init(_ files: any ModelFiles) throws {
    let name = "model_index.json"
    guard files.has(name) else {
      obstacles.append("it has no model_index.json")
      return
    }
    let place = files.place(name)
    let document = try files.json(name)
    var fields = try FieldReader(document, at: place)
    guard case .object(let all) = document else { return }
    for (key, value) in all {
      if case .array(let items) = value, items.count == 2, case .string(let type) = items[1] {
        classes[key] = type
      }
    }
    let pipeline = fields.string("_class_name", oneOf: [], default: Self.pipeline)
    zeroesAbsentNegative = fields.boolean("force_zeros_for_empty_prompt", default: true)
    let wantsScore = fields.boolean("requires_aesthetics_score", default: false)
    try fields.finish(ignoring: Self.components.union(Self.inert).union(classes.keys))

    if !pipeline.hasPrefix(Self.pipeline.dropLast("Pipeline".count)) {
      obstacles.append("it is a \(pipeline), not one of the StableDiffusionXL pipelines")
    }
    if wantsScore { obstacles.append("its UNet is conditioned on an aesthetic score, as SDXL's refiner is") }
    for key in classes.keys.sorted() where !Self.components.contains(key) && !Self.inert.contains(key) {
      obstacles.append("it has a further component, \(key) (\(classes[key] ?? ""))")
    }
  }

  private static let pipeline = "StableDiffusionXLPipeline"

  private static let components: Set<String> = [
    "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "unet", "vae", "scheduler",
  ]

  /// What does not take part in making a picture from a text.
  private static let inert: Set<String> = [
    "feature_extractor", "image_encoder", "safety_checker", "requires_safety_checker", "add_watermarker",
    "watermark", "watermarker",
  ]

  /// Whether a text encoder's class has a projection; nil where the index does not say.
  func hasProjection(_ component: Architecture.Component) -> Bool? {
    switch classes[component.rawValue] {
    case "CLIPTextModel": false
    case "CLIPTextModelWithProjection": true
    default: nil
    }
  }
}

/// What a pipeline's folder must hold for pictures to be made with it.
enum PipelineParts {
  /// Networks that it lacks, a clause each.
  static func missingNetworks(in files: any ModelFiles) -> [String] {
    var found: [String] = []
    for component in Architecture.Component.allCases {
      let folder = component.rawValue
      if files.list(folder).isEmpty {
        found.append("it has no \(folder)")
      } else if !files.has("\(folder)/config.json") {
        found.append("its \(folder) has no config.json")
      }
    }
    return found
  }

  /// What else it lacks, a clause each.
  static func missingFiles(in files: any ModelFiles) -> [String] {
    var found: [String] = []
    // Of an encoder that is not there, that is all there is to say.
    let bare = [("text_encoder", "tokenizer"), ("text_encoder_2", "tokenizer_2")].filter {
      encoder, tokenizer in
      !files.list(encoder).isEmpty && !CLIPTokenizer.isThere(files, folder: tokenizer)
    }.map(\.1)
    if !bare.isEmpty {
      found.append(
        "its \(NearestNames.list(bare, "and")) \(bare.count == 1 ? "has" : "have") neither vocab.json and merges.txt nor a "
          + "tokenizer.json")
    }
    if !files.has("scheduler/scheduler_config.json") {
      found.append("it has no scheduler/scheduler_config.json")
    }
    return found
  }
}
