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
  /// The variants of the weights that lie in the folder; nil stands for the plain ones.
  public private(set) var variants: [String?] = [nil]
  /// Which of them was opened.
  public private(set) var variant: String?

  /// The tensor of a model's key, under any of the names that files have for it.
  public func tensor(for key: String) -> Tensor? {
    KeyLayout.candidates(for: key).lazy.compactMap { tensors[$0] }.first
  }

  /// Opens the weights of the component in `folder`: those of the variant that `source` asks for where it has them, else
  /// the plain ones, as diffusers does, else those of the one variant that is there.
  ///
  /// Throws a `Diagnostic` listing all faults of the headers.
  public init(_ source: some ModelFiles, folder: String) throws {
    let files = WeightFiles(in: source, folder: folder)
    let found = try files.chosen(at: folder.isEmpty ? source.name : source.place(folder), folder: folder)
    try self.init(source, file: folder.isEmpty ? found.name : "\(folder)/\(found.name)")
    variants = files.variants
    variant = found.variant
  }

  /// Throws a `Diagnostic` at `place` when a variant was asked for and none of a model's checkpoints is of it.
  public static func requireVariant(_ wanted: String?, among checkpoints: [Checkpoint], at place: String)
    throws
  {
    guard let wanted, !checkpoints.contains(where: { $0.variant == wanted }) else { return }
    let others = Set(checkpoints.flatMap(\.variants).compactMap { $0 }).sorted()
    throw Diagnostic(
      .model, at: place, "none of its components has weights of the variant \(wanted)",
      hint: others.isEmpty
        ? "leave --variant out: it has plain weights alone" : "there is \(NearestNames.list(others, "and"))")
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
    var remedy: String?
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
        remedy = remedy ?? fault.hint
      }
    }
    guard faults.isEmpty else {
      throw Diagnostic(.model, at: place, faults: faults, hint: remedy ?? hint)
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
