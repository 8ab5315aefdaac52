import Base
import Foundation
import Testing

/// Files from the field, listed or refused as the safetensors library 0.8.0 reads or refuses them.
@Suite struct SafetensorsCasesTests {
  private static let folder = Program.repository + "/Tests/Goldens/checkpoints/cases"

  /// A tensor as the library names it: dtype, shape and its bytes.
  struct Tensor: Sendable {
    let name: String
    let dtype: String
    let shape: [Int]
    let bytes: Int
    /// Whether its values can be read here.
    var hasFigures = true
  }

  static let listed: [(file: String, tensors: [Tensor])] = [
    ("c64", [Tensor(name: "freqs", dtype: "C64", shape: [2], bytes: 16, hasFigures: false)]),
    (
      "e8m0",
      [
        Tensor(name: "w", dtype: "F8_E4M3", shape: [2, 32], bytes: 64),
        Tensor(name: "w_scale", dtype: "F8_E8M0", shape: [2], bytes: 2, hasFigures: false),
      ]
    ),
    ("empty", []),
    ("f4", [Tensor(name: "w", dtype: "F4", shape: [2, 8], bytes: 8, hasFigures: false)]),
    ("fnuz", [Tensor(name: "w", dtype: "F8_E4M3FNUZ", shape: [2], bytes: 2, hasFigures: false)]),
    ("leadspace", [Tensor(name: "a", dtype: "F32", shape: [1], bytes: 4)]),
    ("meta_empty", [Tensor(name: "a", dtype: "F32", shape: [1], bytes: 4)]),
    // The library refuses it for a number in its metadata, which no tensor depends on.
    ("meta_int", [Tensor(name: "a", dtype: "F32", shape: [1], bytes: 4)]),
    ("meta_only", []),
    (
      "names",
      ["", "\"q\\u0041\".w", "a\tb", "weird name with spaces", "\u{202E}gnp.exe", "层.0.权重"].map {
        Tensor(name: $0, dtype: "F32", shape: [1], bytes: 4)
      }
    ),
    ("nan", [Tensor(name: "x", dtype: "F16", shape: [4], bytes: 8)]),
    ("only_zero", [Tensor(name: "scaled_fp8", dtype: "F8_E4M3", shape: [0], bytes: 0)]),
    (
      "scalar",
      [
        Tensor(name: "alpha", dtype: "F32", shape: [], bytes: 4),
        Tensor(name: "i", dtype: "I64", shape: [1], bytes: 8),
        Tensor(name: "x", dtype: "F64", shape: [2], bytes: 16),
      ]
    ),
    (
      "u8",
      [
        Tensor(name: "absmax", dtype: "F32", shape: [1], bytes: 4),
        Tensor(name: "flag", dtype: "BOOL", shape: [2], bytes: 2),
        Tensor(name: "q", dtype: "U8", shape: [4], bytes: 4),
      ]
    ),
    (
      "zero",
      [
        Tensor(name: "a", dtype: "F32", shape: [0], bytes: 0),
        Tensor(name: "b", dtype: "F16", shape: [2, 0, 3], bytes: 0),
        Tensor(name: "c", dtype: "F32", shape: [2], bytes: 8),
        Tensor(name: "scaled_fp8", dtype: "F8_E4M3", shape: [0], bytes: 0),
      ]
    ),
  ]

  private func records(_ output: String) throws -> [[String: JSONValue]] {
    try output.split(separator: "\n").map { line in
      guard case .object(let fields) = try JSONValue(parsing: Data(line.utf8), at: "record") else {
        return [:]
      }
      return fields
    }
  }

  @Test(
    "a file is listed with every tensor's type, shape and bytes, and figures where there are any",
    arguments: listed)
  func isListed(file: String, tensors: [Tensor]) throws {
    var script = "layers\nmetadata\n"
    for tensor in tensors {
      // An empty name cannot stand alone.
      let name = tensor.name.isEmpty ? "\(file)." : tensor.name
      script += "tensor \(JSONValue.string(name).text()) stats\n"
    }
    // In a script's quotes a control character is written as JSON writes it, but with braces.
    script = script.replacingOccurrences(of: "\\u202e", with: "\\u{202e}")
    let result = try Program.run(
      ["--model", "\(Self.folder)/\(file).safetensors", "--json", "--keep-going"], script: script)
    let records = try records(result.output)
    try #require(records.count == 2 + tensors.count, "\(result.errors)")
    #expect(records[0]["ok"] == true && records[1]["ok"] == true)
    var rows: [String: [String: JSONValue]] = [:]
    if case .object(let table)? = records[0]["result"], case .array(let items)? = table["rows"] {
      for case .object(let row) in items where row["depth"] != 0 {
        if case .string(let key)? = row["key"] { rows[key] = row }
      }
    }
    #expect(Set(rows.keys) == Set(tensors.map(\.name)))
    for (tensor, record) in zip(tensors, records.dropFirst(2)) {
      let row = try #require(rows[tensor.name])
      #expect(row["dtype"] == .string(tensor.dtype) && row["bytes"] == .integer(tensor.bytes))
      #expect(row["shape"] == .array(tensor.shape.map(JSONValue.integer)))
      #expect(record["ok"] == .bool(tensor.hasFigures), "\(tensor.name): \(record)")
      if !tensor.hasFigures {
        #expect(result.errors.contains("its element type \(tensor.dtype) has no figures here"))
      }
    }
  }

  @Test(
    "what the library refuses is refused for what it is",
    arguments: [
      ("gap", "b: leaves a gap after a"), ("trailing", "the data: expected 4 bytes, found 12"),
      ("lfs", "this is a Git LFS pointer (the file itself was not downloaded)"),
    ])
  func isRefused(file: String, reason: String) throws {
    let result = try Program.run(["--model", "\(Self.folder)/\(file).safetensors"], script: "layers\n")
    #expect(result.code == 4 && result.errors.contains(reason), "\(result.errors)")
  }

  @Test("metadata are shown by their keys, JSON indented, and as JSON whole")
  func metadata() throws {
    try Program.withFolder { folder in
      let tags = #"{\"dog\": {\"a dog\": 3}}"#
      let header =
        "{\"__metadata__\":{\"ss_tag_frequency\":\"\(tags)\",\"modelspec.title\":\"fox\\u001b[31m\","
        + "\"thumbnail\":\"\(String(repeating: "x", count: 5000))\",\"step\":5,\"none\":null}}"
      let bytes = withUnsafeBytes(of: UInt64(header.utf8.count)) { Data($0) } + Data(header.utf8)
      try bytes.write(to: URL(filePath: "\(folder)/lora.safetensors"))
      let text = try Program.run(["-c", "metadata ./lora.safetensors"], in: folder)
      #expect(text.code == 0, "\(text.errors)")
      for line in [
        "./lora.safetensors", "  modelspec.title: fox\\u{1b}[31m", "  ss_tag_frequency:", "      \"dog\" : {",
        "  step: 5", "  none: null",
      ] { #expect(text.output.split(separator: "\n").contains(Substring(line)), "\(line) in \(text.output)") }
      #expect(text.output.contains("… (5,000 characters)") && text.output.utf8.count < 1500)
      let json = try Program.run(["--json", "-c", "metadata ./lora.safetensors"], in: folder)
      guard case .object(let files)? = try records(json.output).first?["result"],
        case .object(let fields)? = files["./lora.safetensors"]
      else {
        Issue.record("\(json.output)")
        return
      }
      #expect(fields["ss_tag_frequency"] == .string(tags.replacingOccurrences(of: "\\\"", with: "\"")))
      #expect(fields["step"] == "5" && fields.count == 5)
      let csv = try Program.run(["-c", "metadata ./lora.safetensors as=csv"], in: folder)
      #expect(csv.output.hasPrefix("file,key,value\r\n"))
    }
  }

  @Test("null in place of metadata is none")
  func nullMetadata() throws {
    try Program.withFolder { folder in
      let header = #"{"__metadata__":null,"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#
      let bytes =
        withUnsafeBytes(of: UInt64(header.utf8.count)) { Data($0) } + Data(header.utf8) + Data(count: 4)
      try bytes.write(to: URL(filePath: "\(folder)/x.safetensors"))
      let result = try Program.run(["-c", "metadata ./x.safetensors"], in: folder)
      #expect(result.output == "./x.safetensors\n  no metadata\n", "\(result.errors)")
    }
  }
}
