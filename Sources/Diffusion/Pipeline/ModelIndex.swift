import Base
import Checkpoints
import Foundation
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
    // Pipelines of one's own are named by a list of a module and a class.
    let pipeline =
      if case .array(let names)? = fields.value("_class_name") {
        names.map { $0.text() }.joined(separator: " ")
      } else {
        fields.string("_class_name", oneOf: [], default: Self.pipeline)
      }
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
    for (folder, known) in Self.networkClasses {
      if let name = classes[folder] {
        if !known.contains(name) { obstacles.append("its \(folder) is of class \(name)") }
      } else if all[folder]?.saysNothing == true {
        obstacles.append("it has no \(folder)")
      }
    }
  }

  /// The classes that each network's folder may hold.
  private static let networkClasses = [
    ("text_encoder", ["CLIPTextModel", "CLIPTextModelWithProjection"]),
    ("text_encoder_2", ["CLIPTextModel", "CLIPTextModelWithProjection"]),
    ("unet", ["UNet2DConditionModel"]), ("vae", ["AutoencoderKL"]),
  ]

  /// The scheduler's class, which counts before what its own config says.
  var schedulerClass: String? { classes["scheduler"] }

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

  /// Networks whose configs name other classes than this program has, a clause each.
  static func otherNetworks(in files: any ModelFiles) throws -> [String] {
    var found: [String] = []
    let known = [
      ("unet", "_class_name", ["UNet2DConditionModel"]), ("vae", "_class_name", ["AutoencoderKL"]),
      ("text_encoder", "model_type", ["clip_text_model", "clip"]),
      ("text_encoder_2", "model_type", ["clip_text_model", "clip"]),
    ]
    for (folder, key, names) in known where files.has("\(folder)/config.json") {
      guard case .object(let fields) = try files.json("\(folder)/config.json"),
        case .string(let name)? = fields[key], !names.contains(name)
      else { continue }
      found.append("its \(folder) is of another kind, \(name)")
    }
    return found
  }

  /// How many tokens the tokenizers give, at most `positions`, which the text encoders take.
  ///
  /// Throws a `Diagnostic` when they do not go together, or when what lies in a tokenizer file's place is something else. The
  /// vocabularies, which take a while, are read when they are first used.
  static func tokenCount(in files: any ModelFiles, positions: Int) throws -> Int {
    var counts: [Int] = []
    for folder in ["tokenizer", "tokenizer_2"] {
      for name in files.list(folder) where ["json", "txt"].contains(PathName(name).ending) {
        let place = files.place("\(folder)/\(name)")
        let bytes = try files.bytes("\(folder)/\(name)")
        // Texts and JSON are what is wanted; whether they are the right ones shows when they are read.
        let mistake = ForeignContent.mistake(
          for: bytes.buffer, at: place, kind: .model, wanted: "a file of a tokenizer",
          accepting: PathName(name).ending == "txt" ? [.text, .shortText] : [.text, .json])
        if let mistake { throw mistake }
      }
      func optional(_ name: String) throws -> Data? {
        files.has("\(folder)/\(name)") ? try files.bytes("\(folder)/\(name)").data : nil
      }
      let count = try TokenizerNames(
        configuration: optional("tokenizer_config.json"), specialTokensMap: nil, at: files.place(folder)
      ).maximumLength
      guard count <= positions else {
        throw Diagnostic(
          .model, at: files.place("\(folder)/tokenizer_config.json"),
          "model_max_length is \(count), but the text encoders have \(positions) positions",
          hint: "write \(positions)")
      }
      counts.append(count)
    }
    guard counts[0] == counts[1] else {
      throw Diagnostic(
        .model, at: files.name, "its tokenizers give \(counts[0]) and \(counts[1]) tokens (model_max_length)",
        hint: "both must give as many: \(positions) is usual")
    }
    return counts[0]
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
