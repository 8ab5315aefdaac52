import CKernels

/// The element type of activations and of laid-out weights. Sums are float32 in either.
public enum Precision: String, Sendable, Hashable, CaseIterable {
  case float32 = "f32"
  /// The upper half of a float32: its range, with 8 bits of precision.
  case bfloat16 = "bf16"

  /// Bytes of one element.
  public var width: Int { self == .float32 ? 4 : 2 }

  var native: ck_type { self == .float32 ? CK_F32 : CK_BF16 }
}
