import Base
import Foundation

/// One component's tensors, from one safetensors file or from shards named by an index.
public struct Checkpoint: Sendable {
  public struct Tensor: Sendable {
    public let name: String
    public let entry: SafetensorsFile.Entry
    public let file: SafetensorsFile

    public var bytes: UnsafeRawBufferPointer { file.bytes(of: entry) }
  }

  /// The files, in the order of their names.
  public let files: [SafetensorsFile]
  public let tensors: [String: Tensor]
  /// What is called faulty: the one file, or the folder of the shards.
  public let place: String

  /// The tensor of a model's key, under any of the names that files have for it.
  public func tensor(for key: String) -> Tensor? {
    KeyLayout.candidates(for: key).lazy.compactMap { tensors[$0] }.first
  }

  /// Opens the weights of the component in `folder`.
  ///
  /// Where several are there, the fp16 variant is taken first, then a single file before shards: what is smallest to
  /// hold in memory, since arithmetic is in float32 either way. Throws a `Diagnostic` listing all faults of the headers.
  public init(_ source: some ModelFiles, folder: String) throws {
    let names = source.list(folder)
    let place = folder.isEmpty ? source.name : source.place(folder)
    let stems = ["diffusion_pytorch_model", "model"]
    let singles = stems.flatMap { ["\($0).fp16.safetensors", "\($0).safetensors"] }
    let indices = stems.flatMap {
      [
        "\($0).safetensors.index.fp16.json", "\($0).fp16.safetensors.index.json",
        "\($0).safetensors.index.json",
      ]
    }
    let candidates = singles + indices
    let ranked = candidates.filter { $0.contains("fp16") } + candidates.filter { !$0.contains("fp16") }
    // A LoRA's folder, for one, holds a single file of another name.
    let others = names.filter { $0.hasSuffix(".safetensors") }
    guard let found = ranked.first(where: names.contains) ?? (others.count == 1 ? others[0] : nil) else {
      throw Diagnostic(
        .model, at: place,
        "expected \(singles.filter { !$0.contains("fp16") }.joined(separator: " or ")), its .fp16. variant or a sharded "
          + "index, found \(names.isEmpty ? folder.isEmpty ? "an empty folder" : "no such folder" : names.joined(separator: ", "))",
        hint:
          "weights must be safetensors in the diffusers layout; a .bin or .ckpt file has to be converted first"
      )
    }
    try self.init(source, file: folder.isEmpty ? found : "\(folder)/\(found)")
  }

  /// Opens a safetensors file, or the shards that an index (`….json`) names.
  public init(_ source: some ModelFiles, file path: String) throws {
    guard path.hasSuffix(".json") else {
      try self.init(
        files: [SafetensorsFile(source.bytes(path), at: source.place(path))], at: source.place(path))
      return
    }
    let parts = path.split(separator: "/")
    try self.init(
      index: source.json(path), named: String(parts.last ?? ""), in: source,
      folder: parts.dropLast().joined(separator: "/"))
  }

  private init(index: JSONValue, named name: String, in source: some ModelFiles, folder: String) throws {
    func path(_ name: String) -> String { folder.isEmpty ? name : "\(folder)/\(name)" }
    let place = source.place(path(name))
    let hint = "fetch the index and its shards again, from the same revision"
    guard case .object(let fields) = index, case .object(let map)? = fields["weight_map"] else {
      throw Diagnostic(.model, at: place, "expected an object with a weight_map", hint: hint)
    }
    var shardOf: [String: String] = [:]
    for (tensor, shard) in map {
      guard case .string(let file) = shard, !file.contains("/") else {
        throw Diagnostic(
          .model, at: place,
          "weight_map.\(SafetensorsHeader.shown(tensor)): expected a file name, found \(shard.kindName)",
          hint: hint)
      }
      shardOf[tensor] = file
    }
    var faults: [String] = []
    var files: [SafetensorsFile] = []
    for shard in Set(shardOf.values).sorted() {
      do {
        let file = try SafetensorsFile(source.bytes(path(shard)), at: source.place(path(shard)))
        files.append(file)
        let expected = Set(shardOf.filter { $0.value == shard }.keys)
        let held = Set(file.entries.keys)
        faults += expected.subtracting(held).sorted().map {
          "\($0): not in \(shard), where the index puts it"
        }
        faults += held.subtracting(expected).sorted().map {
          "\($0): in \(shard), but the index does not say so"
        }
      } catch let fault as Diagnostic {
        faults.append(fault.description)
      }
    }
    guard faults.isEmpty else {
      throw Diagnostic(.model, at: place, faults: faults, hint: hint)
    }
    try self.init(files: files, at: folder.isEmpty ? source.name : source.place(folder))
  }

  private init(files: [SafetensorsFile], at place: String) throws {
    var tensors: [String: Tensor] = [:]
    for file in files {
      for (name, entry) in file.entries { tensors[name] = Tensor(name: name, entry: entry, file: file) }
    }
    self.files = files
    self.tensors = tensors
    self.place = place
  }
}
