/// The element types that a safetensors header may name.
public enum DataType: String, Hashable, Sendable, CaseIterable {
  case float16 = "F16", bfloat16 = "BF16", float32 = "F32", float64 = "F64"
  case int8 = "I8", int16 = "I16", int32 = "I32", int64 = "I64"
  case uint8 = "U8", uint16 = "U16", uint32 = "U32", uint64 = "U64"
  case bool = "BOOL", float8E4M3 = "F8_E4M3", float8E5M2 = "F8_E5M2"

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
