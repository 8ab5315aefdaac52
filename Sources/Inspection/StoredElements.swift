import Base
import Checkpoints
import Kernels

/// The values of a stored tensor, whatever its element type, a chunk at a time.
public struct StoredElements: Sendable {
  private let tensor: Checkpoint.Tensor

  public init(_ tensor: Checkpoint.Tensor) { self.tensor = tensor }

  public var count: Int { tensor.entry.shape.contains(0) ? 0 : tensor.entry.shape.reduce(1, *) }

  /// Whether the values can be read: not those of element types that are newer than this program.
  public var areReadable: Bool { tensor.entry.type.dataType != nil }

  private static let chunk = Statistics.partCount

  /// Hands on all values in order. Stops with an error, as the others do, when `InterruptFlag` is raised.
  public func forEachChunk(_ body: (UnsafeBufferPointer<Double>) -> Void) throws {
    try forEachChunk(of: 0..<count, body)
  }

  /// Hands on the values of a range of elements, counted row-major.
  public func forEachChunk(of range: Range<Int>, _ body: (UnsafeBufferPointer<Double>) -> Void) throws {
    try check()
    try withUnsafeTemporaryAllocation(of: Double.self, capacity: Self.chunk) { doubles in
      guard let base = doubles.baseAddress else { preconditionFailure("no room for a chunk") }
      for start in stride(from: range.lowerBound, to: range.upperBound, by: Self.chunk) {
        try InterruptFlag.check()
        let part = start..<min(start + Self.chunk, range.upperBound)
        read(part, into: base)
        body(UnsafeBufferPointer(start: base, count: part.count))
      }
    }
  }

  /// Hands on the values of several tensors of one count side by side.
  static func forEachChunk(of tensors: [StoredElements], _ body: ([UnsafeBufferPointer<Double>]) -> Void)
    throws
  {
    guard let count = tensors.first?.count else { return }
    precondition(tensors.allSatisfy { $0.count == count }, "tensors of different counts")
    for tensor in tensors { try tensor.check() }
    try withUnsafeTemporaryAllocation(of: Double.self, capacity: chunk * tensors.count) { doubles in
      guard let base = doubles.baseAddress else { preconditionFailure("no room for a chunk") }
      for start in stride(from: 0, to: count, by: chunk) {
        try InterruptFlag.check()
        let part = start..<min(start + chunk, count)
        body(
          tensors.enumerated().map { index, tensor in
            tensor.read(part, into: base + index * chunk)
            return UnsafeBufferPointer(start: base + index * chunk, count: part.count)
          })
      }
    }
  }

  /// Throws when the values cannot be read, also when the file was truncated, since the lost pages read as zeros.
  private func check() throws {
    guard areReadable else {
      throw Diagnostic(
        .value, at: tensor.name, "its element type \(tensor.entry.type.name) has no figures here",
        hint: "convert the tensor to F16, BF16 or F32 to see its values")
    }
    if tensor.file.isLost { throw Diagnostic.changed(tensor.file.place) }
  }

  /// Writes the values of at most a chunk of elements.
  private func read(_ range: Range<Int>, into out: UnsafeMutablePointer<Double>) {
    let bytes = tensor.bytes
    guard let type = tensor.entry.type.dataType else { preconditionFailure("an unreadable element type") }
    guard let stored = StorageType(rawValue: type.rawValue) else {
      for (index, element) in range.enumerated() { out[index] = type.value(at: element, of: bytes) }
      return
    }
    let source = StoredTensor(type: stored, shape: [count], bytes: bytes, owner: nil)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: range.count) { floats in
      guard let base = floats.baseAddress else { preconditionFailure("no room for a chunk") }
      source.widen(range, into: base)
      for index in 0..<range.count { out[index] = Double(base[index]) }
    }
  }

  public var statistics: Statistics {
    get throws {
      var whole = Statistics()
      try forEachChunk { whole.merge(Statistics(of: $0)) }
      return whole
    }
  }

  /// The first values.
  public func head(_ count: Int) throws -> [Double] {
    var values: [Double] = []
    try forEachChunk(of: 0..<min(count, self.count)) { values += $0 }
    return values
  }
}

extension DataType {
  /// An element as a number.
  fileprivate func value(at index: Int, of bytes: UnsafeRawBufferPointer) -> Double {
    func load<T: BitwiseCopyable>(_ type: T.Type) -> T {
      bytes.loadUnaligned(fromByteOffset: index * MemoryLayout<T>.size, as: type)
    }
    return switch self {
    case .float64: Double(bitPattern: UInt64(littleEndian: load(UInt64.self)))
    case .float32: Double(Float(bitPattern: UInt32(littleEndian: load(UInt32.self))))
    case .bfloat16: Double(Float(bitPattern: UInt32(UInt16(littleEndian: load(UInt16.self))) << 16))
    case .float16: Self.small(UInt16(littleEndian: load(UInt16.self)), exponentBits: 5, mantissaBits: 10)
    case .float8E5M2: Self.small(UInt16(load(UInt8.self)), exponentBits: 5, mantissaBits: 2)
    case .float8E4M3: Self.float8E4M3(load(UInt8.self))
    case .int8: Double(load(Int8.self))
    case .int16: Double(Int16(littleEndian: load(Int16.self)))
    case .int32: Double(Int32(littleEndian: load(Int32.self)))
    case .int64: Double(Int64(littleEndian: load(Int64.self)))
    case .uint8: Double(load(UInt8.self))
    case .bool: load(UInt8.self) == 0 ? 0 : 1
    case .uint16: Double(UInt16(littleEndian: load(UInt16.self)))
    case .uint32: Double(UInt32(littleEndian: load(UInt32.self)))
    case .uint64: Double(UInt64(littleEndian: load(UInt64.self)))
    }
  }

  /// An IEEE 754 number of few bits: sign, exponent, mantissa.
  private static func small(_ bits: UInt16, exponentBits: Int, mantissaBits: Int) -> Double {
    let mantissa = Double(bits & (1 << mantissaBits - 1)) / Double(1 << mantissaBits)
    let exponent = Int(bits >> mantissaBits) & (1 << exponentBits - 1)
    let sign = (bits >> (exponentBits + mantissaBits)) & 1 == 0 ? 1.0 : -1.0
    let bias = 1 << (exponentBits - 1) - 1
    if exponent == 1 << exponentBits - 1 { return mantissa == 0 ? sign * .infinity : .nan }
    return exponent == 0
      ? sign * mantissa * Double(sign: .plus, exponent: 1 - bias, significand: 1)
      : sign * Double(sign: .plus, exponent: exponent - bias, significand: 1 + mantissa)
  }

  /// The 8-bit number without infinities, whose one NaN has all bits of exponent and mantissa set (Micikevicius et al. 2022).
  private static func float8E4M3(_ bits: UInt8) -> Double {
    if bits & 0x7F == 0x7F { return .nan }
    let mantissa = Double(bits & 7) / 8
    let exponent = Int(bits >> 3) & 15
    let sign = bits & 0x80 == 0 ? 1.0 : -1.0
    return exponent == 0
      ? sign * mantissa * Double(sign: .plus, exponent: -6, significand: 1)
      : sign * Double(sign: .plus, exponent: exponent - 7, significand: 1 + mantissa)
  }
}
