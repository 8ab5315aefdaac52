import Base
import Foundation

/// Writes float32 tensors to a safetensors file.
public enum SafetensorsWriter {
  /// Writes `tensors` in the order given, with `metadata`; the file is whole or not there.
  ///
  /// The data begin at a multiple of 8 bytes, as the format's own writer aligns them. Returns a lock on the new file, as
  /// `AtomicFile.write` does. Throws `Diagnostic` of kind `.file`.
  @discardableResult
  public static func write(
    _ tensors: [(name: String, shape: [Int], values: [Float])], metadata: [String: String] = [:],
    to path: String, mode: mode_t = 0o666, isDurable: Bool = true
  ) throws -> FileLock? {
    var fields: [String: JSONValue] = [:]
    if !metadata.isEmpty { fields["__metadata__"] = .object(metadata.mapValues(JSONValue.string)) }
    var offset = 0
    for tensor in tensors {
      precondition(
        tensor.shape.reduce(1, *) == tensor.values.count, "\(tensor.name) has another count than its shape")
      let end = offset + 4 * tensor.values.count
      fields[tensor.name] = [
        "dtype": "F32", "shape": .array(tensor.shape.map(JSONValue.integer)),
        "data_offsets": [.integer(offset), .integer(end)],
      ]
      offset = end
    }
    var header = Data(JSONValue.object(fields).text().utf8)
    header.append(Data(repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8))
    return try AtomicFile.write(to: path, mode: mode, isDurable: isDurable) { handle in
      try handle.write(contentsOf: withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) })
      try handle.write(contentsOf: header)
      for tensor in tensors { try handle.write(contentsOf: tensor.values.withUnsafeBytes { Data($0) }) }
    }
  }
}
