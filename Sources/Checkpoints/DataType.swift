/// The element types that a safetensors header may name.
public enum DataType: String, Hashable, Sendable, CaseIterable {
  case float16 = "F16"
  case bfloat16 = "BF16"
  case float32 = "F32"
  case float64 = "F64"
  case int8 = "I8"
  case int16 = "I16"
  case int32 = "I32"
  case int64 = "I64"
  case uint8 = "U8"
  case uint16 = "U16"
  case uint32 = "U32"
  case uint64 = "U64"
  case bool = "BOOL"
  case float8E4M3 = "F8_E4M3"
  case float8E5M2 = "F8_E5M2"

  /// Bytes of one element.
  public var width: Int {
    switch self {
    case .int8, .uint8, .bool, .float8E4M3, .float8E5M2: 1
    case .float16, .bfloat16, .int16, .uint16: 2
    case .float32, .int32, .uint32: 4
    case .float64, .int64, .uint64: 8
    }
  }
}

/// An element type as a safetensors header names it, whether or not its values can be read here.
public struct ElementType: Hashable, Sendable {
  public let name: String
  /// The type with arithmetic that it is; nil for one whose tensors can only be listed.
  public let dataType: DataType?
  /// Bits of one element; nil where that is not known.
  public let bits: Int?

  public init(named name: String) {
    self.name = name
    dataType = DataType(rawValue: name)
    bits = dataType.map { 8 * $0.width } ?? Self.otherBits[name]
  }

  public init(_ type: DataType) { self.init(named: type.rawValue) }

  /// The types of safetensors 0.8 that are not read here.
  private static let otherBits = [
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "C64": 64,
  ]
}
