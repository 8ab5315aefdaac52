import Base
import Checkpoints
import Models

extension DiffusionModel {
  /// The SHA-256 of each file that decides what the model computes, by its path in the folder and in the order of those.
  ///
  /// They are what sha256sum(1) and a Hugging Face repository say of the files. Takes about 0.6 s a GB and thread.
  public func fileHashes() throws -> [(path: String, hash: SHA256)] {
    var contents: [(path: String, bytes: UnsafeRawBufferPointer, owner: AnyObject)] = []
    let folders = Architecture.Component.allCases.map(\.rawValue)
    var small = ["model_index.json", "start_values.json", "scheduler/scheduler_config.json"]
    small += folders.map { "\($0)/config.json" }
    small += ["tokenizer", "tokenizer_2"].flatMap { folder in
      ["vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"].map {
        "\(folder)/\($0)"
      }
    }
    for path in small where files.has(path) {
      let bytes = try files.bytes(path)
      contents.append((path, bytes.buffer, bytes))
    }
    for checkpoint in checkpoints.values {
      for file in checkpoint.files {
        contents.append((String(file.place.dropFirst(files.name.count + 1)), file.contents, file.owner))
      }
    }
    contents.sort { $0.path < $1.path }
    // The largest first, so that no thread begins with it when the others are done.
    let order = contents.indices.sorted { contents[$0].bytes.count > contents[$1].bytes.count }
    nonisolated(unsafe) let buffers = order.map { contents[$0].bytes }
    defer { releaseWeightPages() }
    let hashes = try backend.pool.map(order.count) { try SHA256(interruptiblyOf: buffers[$0]) }
    return zip(order, hashes).map { (contents[$0].path, $1) }.sorted { $0.path < $1.path }
  }

  /// What tells this model from any other: the SHA-256 of the lines `HASH  PATH` of its files.
  ///
  /// In a model's folder, `sha256sum FILE… | sha256sum` gives it, with the files in the order of their paths.
  ///
  /// Throws a `Diagnostic` when the files changed since they were opened, also while they were hashed.
  public func identity() throws -> SHA256 {
    let lines = try fileHashes().map { "\($0.hash)  \($0.path)\n" }.joined()
    if let change = changes().first { throw change }
    return Array(lines.utf8).withUnsafeBytes { SHA256(of: $0) }
  }
}
