import Base
import Foundation
import Graph

/// A network as diffusers or transformers builds it: its config and the name and shape of every tensor.
struct ArchitectureGolden: Sendable {
  struct Unexpected: Error { let found: String }

  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Goldens/architectures")

  let config: JSONValue
  let parameters: Int
  let tensors: [String: Shape]

  init(_ name: String) throws {
    let document = try Self.document(name)
    guard case .object(let fields) = document, let config = fields["config"],
      case .integer(let parameters)? = fields["parameters"], case .object(let tensors)? = fields["tensors"]
    else { throw Unexpected(found: document.kindName) }
    self.config = config
    self.parameters = parameters
    self.tensors = try tensors.mapValues { shape in
      guard case .array(let extents) = shape else { throw Unexpected(found: shape.kindName) }
      return Shape(
        try extents.map { extent in
          guard case .integer(let value) = extent else { throw Unexpected(found: extent.kindName) }
          return value
        })
    }
  }

  /// The multiply-adds that hooks on the reference's own layers counted, by picture size or tokens.
  static func multiplyAdds(_ name: String) throws -> [String: Int] {
    let document = try document("multiply_adds")
    guard case .object(let networks) = document, case .object(let counts)? = networks[name] else {
      throw Unexpected(found: document.kindName)
    }
    return try counts.mapValues { count in
      guard case .integer(let value) = count else { throw Unexpected(found: count.kindName) }
      return value
    }
  }

  private static func document(_ name: String) throws -> JSONValue {
    let file = folder.appending(path: "\(name).json")
    return try JSONValue(parsing: Data(contentsOf: file), at: file.lastPathComponent)
  }

  /// The config with some fields replaced, or removed where the new value is nil.
  func config(replacing changes: [String: JSONValue?]) throws -> JSONValue {
    guard case .object(var fields) = config else { throw Unexpected(found: config.kindName) }
    for (key, value) in changes { fields[key] = value }
    return .object(fields)
  }
}
