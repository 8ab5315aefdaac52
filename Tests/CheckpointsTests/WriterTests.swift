import Base
import Checkpoints
import Foundation
import Testing

@Suite("SafetensorsWriter and NPYWriter")
struct WriterTests {
  @Test("what is written is read back, in order, aligned and with its metadata")
  func roundTrip() throws {
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/out.safetensors"
    let tensors: [(name: String, shape: [Int], values: [Float])] = [
      ("z", [2, 2], [1, -2, .infinity, 0.5]), ("a", [], [7]), ("none", [0, 3], []),
    ]
    try SafetensorsWriter.write(tensors, metadata: ["format": "pt"], to: path)
    let file = try SafetensorsFile(MappedBytes(file: path), at: path)
    #expect(file.metadata == ["format": "pt"])
    #expect(file.entries.count == 3)
    for tensor in tensors {
      let entry = try #require(file.entries[tensor.name])
      #expect(entry.type.dataType == .float32)
      #expect(entry.shape == tensor.shape)
      #expect(SHA256(of: file.bytes(of: entry)) == SHA256(of: tensor.values))
    }
    #expect(file.entries["z"]?.range.lowerBound.isMultiple(of: 8) == true)
    #expect(file.entries["a"]?.range.lowerBound == file.entries["z"]?.range.upperBound)
  }

  @Test("an array file is, byte for byte, what numpy.save writes")
  func npy() throws {
    let folder = try TemporaryFolder()
    let arrays = try CheckpointGolden.document().arrays
    #expect(arrays.count == 5)
    for array in arrays {
      let path = "\(folder.path)/array.npy"
      try NPYWriter.write(shape: array.shape, values: array.values, to: path)
      let bytes = try Data(contentsOf: URL(filePath: path))
      let digits = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
      #expect(digits == array.file, "\(array.shape)")
    }
  }

  @Test("a folder that is not there is a diagnostic of kind file")
  func noFolder() {
    let fault = #expect(throws: Diagnostic.self) {
      try NPYWriter.write(shape: [1], values: [1], to: "/nowhere/at/all.npy")
    }
    #expect(fault?.kind == .file)
  }
}
