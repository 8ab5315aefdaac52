import Base

/// The files of a component's folder that hold its weights, by the names that diffusers and transformers give them.
///
/// `diffusion_pytorch_model.safetensors` or `model.safetensors`, with a variant before the last extension, as in
/// `model.fp16.safetensors`; or an index of shards beside them.
struct WeightFiles {
  struct File: Hashable {
    let name: String
    /// nil for the plain weights.
    let variant: String?
    let isIndex: Bool
  }

  private let names: [String]
  private let files: [File]
  private let wanted: String?

  init(in source: some ModelFiles, folder: String) {
    names = source.list(folder)
    files = names.compactMap(Self.file(named:))
    wanted = source.variant
  }

  /// The variants there are, the plain weights first.
  var variants: [String?] {
    Set(files.map(\.variant)).sorted { ($0 ?? "") < ($1 ?? "") }
  }

  /// The file to open. Throws a `Diagnostic` at `place` when there is none, or none that is to be preferred.
  func chosen(at place: String, folder: String) throws -> File {
    let variants = variants
    let ranked = [wanted, nil, "fp16"] + (variants.count == 1 ? variants : [])
    if let file = ranked.lazy.compactMap(file(of:)).first { return file }
    guard variants.isEmpty else {
      let names = variants.compactMap { $0 }
      throw Diagnostic(
        .model, at: place,
        "it has no plain weights, but those of the variants \(NearestNames.list(names, "and"))",
        hint: "choose one: --variant \(names[0])")
    }
    // A LoRA's folder, for one, holds a single file of another name.
    let others = names.filter { $0.hasSuffix(".safetensors") }
    if others.count == 1 { return File(name: others[0], variant: nil, isIndex: false) }
    throw Self.missing(at: place, found: names, folder: folder)
  }

  /// diffusers looks for shards first and transformers for a single file; only one of them is there as a rule.
  private func file(of variant: String?) -> File? {
    let found = files.filter { $0.variant == variant }
    let isDiffusers = found.contains { $0.name.hasPrefix("diffusion_pytorch_model") }
    return found.first { $0.isIndex == isDiffusers } ?? found.first
  }

  private static func missing(at place: String, found: [String], folder: String) -> Diagnostic {
    let pickled = found.filter {
      [".bin", ".ckpt", ".pt", ".pth", ".msgpack", ".onnx"].contains(where: $0.hasSuffix)
    }
    guard pickled.isEmpty else {
      return Diagnostic(
        .model, at: place, "its weights are no safetensors: \(NearestNames.list(pickled, "and"))",
        hint: "fetch the .safetensors of the same model, or convert them with diffusers' save_pretrained")
    }
    return Diagnostic(
      .model, at: place,
      found.isEmpty
        ? (folder.isEmpty ? "the folder is empty" : "there is no such folder")
        : "it has no weights, only \(NearestNames.list(Array(found.prefix(8)), "and"))",
      hint: "fetch diffusion_pytorch_model.safetensors or model.safetensors, or a .fp16. variant of it")
  }

  private static func file(named name: String) -> File? {
    for stem in ["diffusion_pytorch_model", "model"] where name.hasPrefix(stem + ".") {
      // Without the stem: "", "fp16", "index.json", "index.fp16.json" around "safetensors".
      var parts = name.dropFirst(stem.count + 1).split(separator: ".", omittingEmptySubsequences: false)
        .map(String.init)
      guard let middle = parts.firstIndex(of: "safetensors") else { continue }
      parts.remove(at: middle)
      let isIndex = parts.last == "json" && parts.contains("index")
      if isIndex { parts.removeAll { $0 == "json" || $0 == "index" } }
      // A shard, which its index names.
      guard parts.count <= 1, parts.first?.firstMatch(of: /-\d+-of-\d+$/) == nil else { continue }
      return File(name: name, variant: parts.first, isIndex: isIndex)
    }
    return nil
  }
}
