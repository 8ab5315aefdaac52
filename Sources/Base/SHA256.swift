import CCrypto

/// A SHA-256 digest (FIPS 180-4) of raw bytes, written as 64 hexadecimal digits.
public struct SHA256: Hashable, Sendable, CustomStringConvertible {
  public let bytes: [UInt8]

  public init(of buffer: UnsafeRawBufferPointer) { self.init(of: buffer) { true } }

  /// The same of a large buffer, which stops with an error when `InterruptFlag` is raised.
  public init(interruptiblyOf buffer: UnsafeRawBufferPointer) throws {
    // OpenSSL takes some memory of its own.
    guard Memory.canTake(Memory.smallBytes) else {
      throw Memory.shortage(at: "SHA-256", needed: Memory.smallBytes)
    }
    self.init(of: buffer) { !InterruptFlag.isRaised }
    try InterruptFlag.check()
  }

  /// A digest of nothing in particular where `goesOn` says no.
  private init(of buffer: UnsafeRawBufferPointer, while goesOn: () -> Bool) {
    guard let hash = ccrypto_sha256_create() else { preconditionFailure("OpenSSL has no SHA-256") }
    var (rest, digest) = (buffer[...], [UInt8](repeating: 0, count: 32))
    // Some milliseconds each.
    while !rest.isEmpty, goesOn() {
      let part = UnsafeRawBufferPointer(rebasing: rest.prefix(4 << 20))
      ccrypto_sha256_add(hash, part.baseAddress, part.count)
      rest = rest.dropFirst(part.count)
    }
    ccrypto_sha256_finish(hash, &digest)
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
