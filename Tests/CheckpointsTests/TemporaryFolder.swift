import Base
import Checkpoints
import Foundation

/// A folder of its own that goes with the object.
final class TemporaryFolder {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "checkpoints-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ data: Data, _ name: String) throws -> String {
    let file = "\(path)/\(name)"
    try FileManager.default.createDirectory(
      atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try data.write(to: URL(filePath: file))
    return file
  }
}

/// What the safetensors library, huggingface_hub and numpy wrote.
enum CheckpointGolden {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Goldens/checkpoints")

  struct Tensor: Decodable {
    let dtype: String
    let shape: [Int]
    let sha256: String
  }

  struct Array: Decodable {
    let shape: [Int]
    let values: [Float]
    /// The file's bytes in hexadecimal digits.
    let file: String
  }

  struct Document: Decodable {
    let types: [String: Tensor]
    let shards: [String: String]
    let arrays: [Array]
  }

  static func document() throws -> Document {
    try JSONDecoder().decode(Document.self, from: Data(contentsOf: folder.appending(path: "golden.json")))
  }
}

/// A safetensors file with any header and so many bytes of data.
func safetensors(_ header: String, dataBytes: Int = 0, length: UInt64? = nil) -> Data {
  let header = Data(header.utf8)
  return withUnsafeBytes(of: (length ?? UInt64(header.count)).littleEndian) { Data($0) } + header
    + Data(repeating: 0, count: dataBytes)
}
