import Base
import Checkpoints
import Foundation
import Testing

@Suite("SafetensorsFile")
struct SafetensorsFileTests {
  @Test(
    "every element type, an empty tensor, a scalar and an escaped name are read as the library wrote them")
  func types() throws {
    let path = CheckpointGolden.folder.appending(path: "types.safetensors").path
    let file = try SafetensorsFile(MappedBytes(file: path), at: path)
    let expected = try CheckpointGolden.document().types
    #expect(Set(file.entries.keys) == Set(expected.keys))
    for (name, tensor) in expected {
      let entry = try #require(file.entries[name])
      #expect(entry.type.name == tensor.dtype)
      #expect(entry.shape == tensor.shape)
      #expect(SHA256(of: file.bytes(of: entry)).description == tensor.sha256, "\(name)")
    }
    #expect(Set(expected.values.map(\.dtype)) == Set(DataType.allCases.map(\.rawValue)))
    #expect(file.metadata == ["format": "pt", "note": "zwölf \"quoted\""])
  }

  @Test("a file cut at any byte is refused and never read beyond its end")
  func truncated() throws {
    let folder = try TemporaryFolder()
    let whole = try Data(contentsOf: CheckpointGolden.folder.appending(path: "types.safetensors"))
    for count in 0..<whole.count {
      let path = try folder.write(whole.prefix(count), "cut")
      let fault = #expect(throws: Diagnostic.self, "cut at \(count)") {
        try SafetensorsFile(MappedBytes(file: path), at: "cut")
      }
      #expect(fault?.kind == .model)
      #expect(fault?.hint?.contains("fetch it again") == true)
    }
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let file: Data
    let faults: [String]

    init(_ name: String, _ file: Data, _ faults: String...) {
      (self.name, self.file, self.faults) = (name, file, faults)
    }
    var testDescription: String { name }
  }

  private static func tensor(_ name: String, _ dtype: String, _ shape: String, _ begin: Int, _ end: Int)
    -> String
  {
    "\"\(name)\":{\"dtype\":\"\(dtype)\",\"shape\":\(shape),\"data_offsets\":[\(begin),\(end)]}"
  }

  static let cases: [Case] = [
    Case(
      "an empty file", Data(), "this is an empty file, not a safetensors file"),
    Case(
      "a header of 2^63 bytes", safetensors("{}", length: 1 << 63),
      "its header would have 9223372036854775808 bytes; in a file of 10, at most 2 are possible"),
    Case(
      "a header of 2^64 - 1 bytes", safetensors("{}", length: .max),
      "its header would have 18446744073709551615 bytes"),
    Case(
      "a header one byte too long", safetensors("{}", length: 3),
      "its header would have 3 bytes; in a file of 10, at most 2 are possible"),
    Case("not JSON", safetensors("{\"a\":"), "header: expected JSON that names tensors"),
    Case("a list", safetensors("[]"), "header: expected JSON that names tensors"),
    Case("not UTF-8", safetensors("{}", length: 0), "header: expected JSON that names tensors"),
    Case(
      "no dtype", safetensors("{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", dataBytes: 4),
      "no dtype for a"),
    Case(
      "a shape of texts",
      safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":[\"1\"],\"data_offsets\":[0,4]}}", dataBytes: 4),
      "another type at a.shape"),
    Case("metadata that are a list", safetensors("{\"__metadata__\":[1]}"), "another type at __metadata__"),
    Case(
      "metadata that do not end", safetensors("{\"__metadata__\":{\"a\":[1,{\"b\":2"), "its end"),
    Case(
      "half a byte", safetensors("{\(tensor("a", "F4", "[3]", 0, 2))}", dataBytes: 2),
      "a: F4 of shape [3] takes 12 bits, which are no whole bytes"),
    Case(
      "too few bytes for a type without arithmetic",
      safetensors("{\(tensor("a", "C64", "[2]", 0, 8))}", dataBytes: 8),
      "a: expected 16 bytes for C64 of shape [2], found 8"),
    Case(
      "too few bytes for the shape", safetensors("{\(tensor("a", "F32", "[2,2]", 0, 12))}", dataBytes: 12),
      "a: expected 16 bytes for F32 of shape [2, 2], found 12"),
    Case(
      "a shape whose product overflows",
      safetensors("{\(tensor("a", "F32", "[4294967296,4294967296]", 0, 4))}", dataBytes: 4),
      "a: shape: expected extents that can be stored, found [4294967296, 4294967296]"),
    Case(
      "a negative extent", safetensors("{\(tensor("a", "F32", "[-1,-1]", 0, 4))}", dataBytes: 4),
      "a: shape: expected extents that can be stored"),
    Case(
      "an extent beyond 64 bits",
      safetensors("{\(tensor("a", "F32", "[99999999999999999999]", 0, 4))}", dataBytes: 4),
      "header: expected JSON"),
    Case(
      "data beyond the file", safetensors("{\(tensor("a", "F32", "[2]", 0, 8))}", dataBytes: 4),
      "a: data_offsets: expected a range within 0...4, found [0, 8]"),
    Case(
      "offsets the wrong way round", safetensors("{\(tensor("a", "F32", "[1]", 4, 0))}", dataBytes: 4),
      "a: data_offsets: expected a range within 0...4, found [4, 0]"),
    Case(
      "a negative offset", safetensors("{\(tensor("a", "F32", "[1]", -4, 0))}", dataBytes: 4), "found [-4, 0]"
    ),
    Case(
      "overlapping tensors",
      safetensors("{\(tensor("a", "F32", "[2]", 0, 8)),\(tensor("b", "F32", "[2]", 4, 12))}", dataBytes: 12),
      "b: overlaps a: begins at byte 4, expected 8"),
    Case(
      "a tensor inside another",
      safetensors("{\(tensor("a", "F32", "[4]", 0, 16)),\(tensor("b", "F32", "[1]", 4, 8))}", dataBytes: 16),
      "b: overlaps a: begins at byte 4, expected 16"),
    Case(
      "a gap",
      safetensors("{\(tensor("a", "F32", "[1]", 0, 4)),\(tensor("b", "F32", "[1]", 8, 12))}", dataBytes: 12),
      "b: leaves a gap after a: begins at byte 8, expected 4"),
    Case(
      "bytes that belong to none", safetensors("{\(tensor("a", "F32", "[1]", 0, 4))}", dataBytes: 6),
      "the data: expected 4 bytes, found 6"),
    Case(
      "several at once",
      safetensors(
        "{\(tensor("a", "F32", "[-1]", 0, 4)),\(tensor("b", "F32", "[3]", 4, 12)),\(tensor("c", "F32", "[1]", 90, 94))}",
        dataBytes: 12),
      "3 faults:", "a: shape", "b: expected 12 bytes for F32 of shape [3], found 8", "c: data_offsets"),
  ]

  @Test("a damaged file is refused with what is wrong", arguments: cases)
  func damaged(test: Case) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(test.file, "damaged")
    let fault = #expect(throws: Diagnostic.self) { try SafetensorsFile(MappedBytes(file: path), at: "place") }
    #expect(fault?.place == "place")
    for part in test.faults { #expect(fault?.message.contains(part) == true, "\(fault?.message ?? "")") }
  }

  @Test("a file of no tensors is read")
  func empty() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(safetensors("{}      "), "none")
    #expect(try SafetensorsFile(MappedBytes(file: path), at: path).entries.isEmpty)
  }

  @Test("a missing file is a diagnostic that names it")
  func missing() {
    let fault = #expect(throws: Diagnostic.self) { try MappedBytes(file: "/nowhere/x.safetensors") }
    #expect(fault?.description == "/nowhere/x.safetensors: cannot be read: No such file or directory")
  }
}
