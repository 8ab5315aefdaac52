import Base
import Foundation

/// Safetensors files whose headers are real and whose data are a hole: full-size checkpoints that take no place on the disk.
public enum HollowCheckpoint {
  /// Writes tensors in F16, one after another.
  public static func write(_ tensors: [(name: String, shape: [Int])], to path: String) throws {
    var fields: [String: JSONValue] = [:]
    var offset = 0
    for (name, shape) in tensors {
      let end = offset + 2 * shape.reduce(1, *)
      fields[name] = [
        "dtype": "F16", "shape": .array(shape.map(JSONValue.integer)),
        "data_offsets": [.integer(offset), .integer(end)],
      ]
      offset = end
    }
    try write(header: JSONValue.object(fields).text(), dataBytes: offset, to: path)
  }

  /// Writes a header as it is, which need not be a sound one.
  public static func write(header: String, dataBytes: Int, to path: String) throws {
    let header = Data(header.utf8)
    let start = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) } + header
    try start.write(to: URL(fileURLWithPath: path))
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try handle.truncate(atOffset: UInt64(start.count + dataBytes))
    try handle.close()
  }
}
