import Base
import Foundation

/// Writes a float32 array to a `.npy` file, format version 1.0
/// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
public enum NPYWriter {
  /// The file is whole or not there. Throws `Diagnostic` of kind `.file`.
  public static func write(shape: [Int], values: [Float], to path: String) throws {
    precondition(shape.reduce(1, *) == values.count, "another count than the shape's")
    // A Python tuple: one extent is followed by a comma.
    let extents = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    var header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(extents)), }"
    // Magic, version and length take 10 bytes; the data begin at a multiple of 64.
    header += String(repeating: " ", count: 63 - (10 + header.utf8.count) % 64) + "\n"
    var file = Data([0x93]) + Data("NUMPY".utf8) + Data([1, 0])
    file += withUnsafeBytes(of: UInt16(header.utf8.count).littleEndian) { Data($0) }
    file += Data(header.utf8)
    values.withUnsafeBytes { file.append(contentsOf: $0) }
    try AtomicFile.write(file, to: path)
  }
}
