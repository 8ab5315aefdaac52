import Base
import Foundation

/// A committed answer of torch, scipy or diffusers: cases in NAME.json, their long values in NAME.f32.
struct SamplingGolden: Sendable {
  let document: Fields
  private let values: [Float]

  init(_ name: String) throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Goldens/sampling")
    let json = folder.appending(path: "\(name).json")
    document = Fields(try JSONValue(parsing: Data(contentsOf: json), at: json.path))
    let file = folder.appending(path: "\(name).f32")
    guard FileManager.default.fileExists(atPath: file.path) else {
      values = []
      return
    }
    let data = try Data(contentsOf: file)
    values = data.withUnsafeBytes { bytes in
      (0..<bytes.count / 4).map { i in
        Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * i, as: UInt32.self)))
      }
    }
  }

  /// The values that a [first, count] pair stands for.
  func values(_ range: Fields) throws -> [Float] {
    let range = try range.list.map { try Int($0.number) }
    return Array(values[range[0]..<range[0] + range[1]])
  }

  /// A JSON value that throws where it is not what the reader expects.
  @dynamicMemberLookup
  struct Fields: Sendable {
    struct Unexpected: Error { let found: String }

    let json: JSONValue

    init(_ json: JSONValue) { self.json = json }

    subscript(dynamicMember name: String) -> Fields {
      guard case .object(let fields) = json, let field = fields[name] else { return Fields(.null) }
      return Fields(field)
    }

    var isNull: Bool { json == .null }

    var list: [Fields] {
      get throws {
        guard case .array(let elements) = json else { throw Unexpected(found: json.kindName) }
        return elements.map { Fields($0) }
      }
    }

    var number: Double {
      get throws {
        switch json {
        case .integer(let value): return Double(value)
        case .number(let value): return value
        default: throw Unexpected(found: json.kindName)
        }
      }
    }

    var text: String {
      get throws {
        guard case .string(let value) = json else { throw Unexpected(found: json.kindName) }
        return value
      }
    }
  }
}
