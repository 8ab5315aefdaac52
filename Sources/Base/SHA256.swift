import CCrypto

/// A SHA-256 digest (FIPS 180-4) of raw bytes, written as 64 hexadecimal digits.
public struct SHA256: Hashable, Sendable, CustomStringConvertible {
  public let bytes: [UInt8]

  public init(of buffer: UnsafeRawBufferPointer) {
    var digest = [UInt8](repeating: 0, count: 32)
    // An empty buffer may have no address; OpenSSL wants one.
    withUnsafeTemporaryAllocation(byteCount: 1, alignment: 1) { empty in
      ccrypto_sha256(buffer.baseAddress ?? UnsafeRawPointer(empty.baseAddress), buffer.count, &digest)
    }
    bytes = digest
  }

  /// The digest of the values' bytes in memory order (little-endian float32 on every machine we run on).
  public init(of values: [Float]) { self = values.withUnsafeBytes { SHA256(of: $0) } }

  public var description: String {
    bytes.map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
  }

  /// The first twelve digits: enough to tell two results apart at a glance.
  public var short: String { String(description.prefix(12)) }
}
