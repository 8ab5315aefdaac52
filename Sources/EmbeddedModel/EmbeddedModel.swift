import Base
import CEmbeddedModel
import Checkpoints

/// The small trained model inside the program.
public struct EmbeddedModel: ModelFiles {
  public let name = "embedded"
  private let files: [String: MappedBytes]

  public init() {
    var files: [String: MappedBytes] = [:]
    for index in 0..<embedded_file_count() {
      guard let file = embedded_file_at(index)?.pointee else { continue }
      files[String(cString: file.path)] = MappedBytes(
        constant: UnsafeRawBufferPointer(start: file.bytes, count: file.count))
    }
    self.files = files
  }

  public func list(_ folder: String) -> [String] {
    let prefix = folder.isEmpty ? "" : folder + "/"
    return files.keys.compactMap { path in
      guard path.hasPrefix(prefix) else { return nil }
      let rest = path.dropFirst(prefix.count)
      return rest.contains("/") ? nil : String(rest)
    }.sorted()
  }

  public func bytes(_ path: String) throws -> MappedBytes {
    guard let bytes = files[path] else {
      throw Diagnostic(
        .model, at: place(path), "no such file in the embedded model",
        hint: "the program was built incompletely")
    }
    return bytes
  }
}
