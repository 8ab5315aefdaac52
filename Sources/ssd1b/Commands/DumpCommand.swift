import Base
import Checkpoints
import Diffusion
import Foundation
import Imaging
import Shell

/// Writes the last run's tensors to files that other programs read.
enum DumpCommand {
  private enum Kind: String, CaseIterable { case latents, noise, denoised, captures }
  private enum Format: String, CaseIterable { case safetensors, npy, comfy, png }

  static let command = Command<Session>(
    CommandDeclaration(
      "dump", group: "Pictures", summary: "writes the last run's tensors to files",
      discussion: """
        Files are named by step, as `latents` counts. Latents, noise (the guided prediction that led to a step) and denoised (the predicted clean latents) are [1, C, H, W], float32, in the \
        diffusion model's scaled space, as diffusers has them; captures are what `capture … full` kept, in torch's layout.

        safetensors carry the run's settings in their metadata; npy has them in settings.json beside. comfy writes .latent \
        files for ComfyUI, in the autoencoder's own space. png draws one sheet of all chosen steps, by the linear map that \
        fits the run's own picture best; of captures, the root mean square over channels. \
        Hashes are of the values, as `latents` has them, not of the files.
        """,
      arguments: [
        ArgumentDeclaration("WHAT", .choice(Kind.allCases.map(\.rawValue)), summary: "which tensors"),
        ArgumentDeclaration("FOLDER", .folder, summary: "where to; it is made if it is not there"),
      ],
      options: [
        OptionDeclaration("steps", .text, summary: "which states, such as 0,5,-1; all unless given"),
        OptionDeclaration(
          "format", .choice(Format.allCases.map(\.rawValue)), summary: "safetensors unless given"),
      ], givesTable: true, evidence: .result(without: ["path"]),
      examples: [
        ("dump latents states", "every step"),
        ("dump latents states steps=0,-1 format=npy", "first and last"),
        ("dump denoised sheet format=png", "what the model thought the picture was, step by step"),
        ("dump latents comfy steps=-1 format=comfy", "for ComfyUI's LoadLatent"),
      ])
  ) { invocation, session in
    let run = try session.lastRun()
    let kind = Kind(rawValue: try invocation.required("WHAT")) ?? .latents
    let folder = session.place(for: try invocation.required("FOLDER"))
    let format = invocation.text("format").flatMap { Format(rawValue: $0) } ?? .safetensors
    let tensors = try chosen(kind, steps: invocation.integers("steps"), of: run, session)
    var writer = try Writer(folder: folder, record: session.record(of: run))
    switch format {
    case .safetensors, .npy:
      for tensor in tensors { try writer.write(tensor, isNPY: format == .npy) }
      if format == .npy { try writer.writeSettings() }
    case .comfy:
      guard kind != .captures else {
        throw Diagnostic(
          .value, at: "format", "expected safetensors, npy or png for captures, found comfy",
          hint: "a .latent file holds latents alone")
      }
      let scale = Float(try session.model().architecture.vae.scalingFactor)
      for tensor in tensors { try writer.writeLatent(tensor, scalingFactor: scale) }
    case .png:
      let tiles = try tiles(of: tensors, kind, of: run, session)
      let sheet = ContactSheet(tiles, leastSide: kind == .captures ? 160 : 96)
      try writer.write(sheet.image, named: "\(kind.rawValue).png")
    }
    return .ofLastRun(
      writer.lines.joined(separator: "\n"), result: writer.data.json, tables: [writer.data])
  }

  private struct NamedTensor {
    let name: String
    let shape: [Int]
    let values: [Float]
    /// Of a capture, for its metadata.
    var capture: Captured?
  }

  private static func chosen(
    _ kind: Kind, steps: [Int]?, of run: Generation, _ session: Session
  ) throws -> [NamedTensor] {
    let states = try chosenStates(steps, of: run)
    if kind == .captures { return try captures(ofSteps: steps.map { _ in Set(states.map(\.step)) }, session) }
    let shape = [
      1, run.latents.count / (run.latentHeight * run.latentWidth), run.latentHeight, run.latentWidth,
    ]
    let tensors = states.compactMap { state -> NamedTensor? in
      let named: (String, [Float])? =
        switch kind {
        case .latents: ("latents.\(state.step)", state.latents)
        case .noise: state.noisePrediction.map { ("noise.\(state.step)", $0) }
        default: state.denoised.map { ("denoised.\(state.step)", $0) }
        }
      return named.map { NamedTensor(name: $0, shape: shape, values: $1) }
    }
    guard !tensors.isEmpty else {
      throw Diagnostic(
        .value, at: "steps", "expected a step that has \(kind.rawValue), found step 0 alone",
        hint: "step 0 is the initial noise, before any prediction")
    }
    return tensors
  }

  private static func captures(ofSteps steps: Set<Int>?, _ session: Session) throws -> [NamedTensor] {
    let full = session.lastCaptures.filter {
      $0.values != nil && ($0.step.map { steps?.contains($0) ?? true } ?? true)
    }
    guard !full.isEmpty else {
      throw Diagnostic(
        .usage, at: "captures", "expected a run that captured values, found none",
        hint: "capture PATTERN full, then generate")
    }
    return full.map { NamedTensor(name: $0.name, shape: $0.shape, values: $0.values ?? [], capture: $0) }
  }

  /// States by their numbers, negative ones from the last.
  static func chosenStates(_ steps: [Int]?, of run: Generation, option: String = "steps") throws
    -> [Generation.State]
  {
    guard let steps else { return run.states }
    return try steps.map { step in
      let index = step < 0 ? run.states.count + step : step
      guard run.states.indices.contains(index) else {
        throw Diagnostic(
          .value, at: option, "expected \(option) from 0 to \(run.step), or -1 for the last, found \(step)",
          hint: "latents lists them")
      }
      return run.states[index]
    }
  }

  private static func tiles(
    of tensors: [NamedTensor], _ kind: Kind, of run: Generation, _ session: Session
  ) throws -> [(image: Image, label: String)] {
    guard kind == .captures else {
      let picture = try session.lastPicture(of: run).pixels.map { Float($0) / 127.5 - 1 }
      let preview = LatentPreview(
        latents: run.latents, height: run.latentHeight, width: run.latentWidth, picture: picture)
      return tensors.map { tensor in
        let picture = preview.picture(of: tensor.values)
        return (Image(width: run.latentWidth, height: run.latentHeight, decoded: picture), tensor.name)
      }
    }
    let maps = tensors.compactMap { tensor in
      FeatureMap(shape: tensor.shape, values: tensor.values, aspect: (run.latentHeight, run.latentWidth)).map
      {
        (Image.heat($0.energy, width: $0.width, height: $0.height), shortLabel(tensor.name))
      }
    }
    guard !maps.isEmpty else {
      throw Diagnostic(
        .value, at: "format", "expected captures that have a place in the picture, found none",
        hint: "text encoders and embeddings have no picture: format=safetensors")
    }
    return maps
  }

  /// A layer's name for a narrow label.
  private static func shortLabel(_ name: String) -> String {
    let short = [
      ("unet.", ""), ("transformer_blocks", "tb"), ("attentions", "attn"), ("resnets", "res"),
      ("down_blocks", "down"),
      ("up_blocks", "up"), ("mid_block", "mid"), (".step", " "), (".prompt", "p"), (".negative", "n"),
    ]
    return short.reduce(name) { $0.replacing($1.0, with: $1.1) }
  }

  /// Files of one folder, each whole or not there.
  private struct Writer {
    let folder: String
    private let record: PictureRecord
    private let metadata: [String: String]
    private(set) var lines: [String] = []
    private(set) var data = DataTable(["path", "shape", "sha256"])

    init(folder: String, record: PictureRecord) throws {
      try OutputPath.makeFolder(folder)
      self.folder = folder
      self.record = record
      metadata = record.strings
    }

    private mutating func note(_ path: String, shape: [Int], _ hash: SHA256) {
      lines.append("\(path.escapingInvisibles)  sha256 \(hash.short)")
      data.append([.string(path), .array(shape.map(JSONValue.integer)), .string(hash.description)])
    }

    mutating func write(_ tensor: NamedTensor, isNPY: Bool) throws {
      let path = "\(folder)/\(tensor.name).\(isNPY ? "npy" : "safetensors")"
      if isNPY {
        try NPYWriter.write(shape: tensor.shape, values: tensor.values, to: path)
      } else {
        var metadata = metadata
        if let capture = tensor.capture {
          metadata["layer"] = "\(capture.component.rawValue).\(capture.path)"
          metadata["step"] = capture.step.map(String.init)
          metadata["half"] = capture.half?.rawValue
        }
        try SafetensorsWriter.write(
          [(tensor.name, tensor.shape, tensor.values)], metadata: metadata, to: path)
      }
      note(path, shape: tensor.shape, SHA256(of: tensor.values))
    }

    /// The settings that an npy file has no place for.
    func writeSettings() throws {
      let text = JSONValue.object(metadata.mapValues(JSONValue.string)).text(pretty: true) + "\n"
      try AtomicFile.write(Data(text.utf8), to: "\(folder)/settings.json")
    }

    /// As ComfyUI's SaveLatent writes them: `latent_tensor` in the autoencoder's own space, and a mark of the format.
    mutating func writeLatent(_ tensor: NamedTensor, scalingFactor: Float) throws {
      let path = "\(folder)/\(tensor.name).latent"
      let values = tensor.values.map { $0 / scalingFactor }
      try SafetensorsWriter.write(
        [("latent_tensor", tensor.shape, values), ("latent_format_version_0", [0], [])], metadata: metadata,
        to: path)
      note(path, shape: tensor.shape, SHA256(of: values))
    }

    mutating func write(_ image: Image, named name: String) throws {
      let path = "\(folder)/\(name)"
      try PNG.write(image, text: record.text(["sheet": .string(name)]), to: path)
      note(path, shape: [image.height, image.width, 3], image.pixels.withUnsafeBytes { SHA256(of: $0) })
    }
  }
}

/// What a layer computed, as a map over the picture.
private struct FeatureMap {
  let width: Int
  let height: Int
  /// The root mean square over channels at each position, row by row.
  let energy: [Float]

  /// Of a feature map [1, C, H, W], or of tokens [1, H·W, D] that lie over latents of an aspect; nil for anything else.
  init?(shape: [Int], values: [Float], aspect: (height: Int, width: Int)) {
    if shape.count == 4 {
      (height, width) = (shape[2], shape[3])
      energy = Self.energy(
        values, channels: shape[1], area: shape[2] * shape[3], channelStride: shape[2] * shape[3],
        positionStride: 1)
      return
    }
    guard shape.count == 3 else { return nil }
    var (h, w) = aspect
    while h * w > shape[1], h > 1 || w > 1 { (h, w) = ((h + 1) / 2, (w + 1) / 2) }
    guard h * w == shape[1] else { return nil }
    (height, width) = (h, w)
    energy = Self.energy(values, channels: shape[2], area: h * w, channelStride: 1, positionStride: shape[2])
  }

  private static func energy(
    _ values: [Float], channels: Int, area: Int, channelStride: Int, positionStride: Int
  ) -> [Float] {
    (0..<area).map { position in
      var sum: Float = 0
      for channel in 0..<channels {
        let value = values[position * positionStride + channel * channelStride]
        sum += value * value
      }
      return (sum / Float(max(1, channels))).squareRoot()
    }
  }
}
