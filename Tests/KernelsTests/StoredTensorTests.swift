import KernelCases
import Kernels
import Testing

@Suite("StoredTensor")
struct StoredTensorTests {
  private static let allBits: [UInt16] = (0...0xffff).map { UInt16($0) }

  /// IEEE 754-2019, 3.4: sign, five exponent bits biased by 15, ten fraction bits.
  private static func meaning(ofHalf bits: UInt16) -> Float {
    let (sign, exponent) = (bits >> 15 == 0 ? Float(1) : -1, Int(bits >> 10 & 31))
    let fraction = Float(bits & 0x3ff) / 1024
    switch exponent {
    case 0: return sign * fraction * Float(sign: .plus, exponent: -14, significand: 1)
    case 31: return fraction == 0 ? sign * .infinity : .nan
    default: return sign * (1 + fraction) * Float(sign: .plus, exponent: exponent - 15, significand: 1)
    }
  }

  private func widened(_ type: StorageType, offset: Int) -> [Float] {
    var bytes = [UInt8](repeating: 0, count: offset)
    for bits in Self.allBits { bytes += [UInt8(bits & 0xff), UInt8(bits >> 8)] }
    return bytes.withUnsafeBytes { raw in
      let stored = StoredTensor(
        type: type, shape: [65536], bytes: UnsafeRawBufferPointer(rebasing: raw[offset...]), owner: nil)
      return [Float](unsafeUninitializedCapacity: 65536) { buffer, count in
        if let base = buffer.baseAddress { stored.widen(0..<65536, into: base) }
        count = 65536
      }
    }
  }

  private func same(_ a: Float, _ b: Float) -> Bool { a.bitPattern == b.bitPattern || (a.isNaN && b.isNaN) }

  @Test("widens each of the 65,536 half-precision numbers exactly, aligned or not", arguments: [0, 1])
  func halves(offset: Int) {
    let found = widened(.float16, offset: offset)
    #expect(Self.allBits.allSatisfy { same(found[Int($0)], Self.meaning(ofHalf: $0)) })
  }

  @Test("widens bfloat16, which is the upper half of a float32", arguments: [0, 1])
  func bfloat16(offset: Int) {
    let found = widened(.bfloat16, offset: offset)
    #expect(Self.allBits.allSatisfy { found[Int($0)].bitPattern == UInt32($0) << 16 })
  }

  /// numpy has no bfloat16; the rule is IEEE 754-2019, 4.3.1: to the nearest, and of two as near to the even one.
  @Test("rounds float32 to bfloat16 to nearest, ties to even, and keeps infinities and NaN")
  func rounding() {
    let samples = Samples()
    defer { withExtendedLifetime(samples) {} }
    let cases: [(UInt32, UInt16)] = [
      (0x3f80_0000, 0x3f80), (0x3f80_7fff, 0x3f80), (0x3f80_8000, 0x3f80), (0x3f80_8001, 0x3f81),
      (0x3f81_8000, 0x3f82),
      (0xbf81_8000, 0xbf82), (0x7f7f_ffff, 0x7f80), (0x7f80_0000, 0x7f80), (0xff80_0000, 0xff80), (0, 0),
      (0x8000_0000, 0x8000),
    ]
    let stored = samples.stored(cases.map { Float(bitPattern: $0.0) }, [cases.count], .float32)
    var found = [UInt16](repeating: 1, count: cases.count)
    stored.convert(0..<cases.count, into: &found, .bfloat16)
    #expect(found == cases.map(\.1))
    let nan = samples.stored(Array(repeating: .nan, count: 33), [33], .float32)
    var bits = [UInt16](repeating: 0, count: 33)
    nan.convert(0..<33, into: &bits, .bfloat16)
    #expect(bits.allSatisfy { Float(bitPattern: UInt32($0) << 16).isNaN })
  }

  @Test("rounds each half-precision number to bfloat16 as float32 is rounded", arguments: [0, 1])
  func halvesToBFloat16(offset: Int) {
    var bytes = [UInt8](repeating: 0, count: offset)
    for bits in Self.allBits { bytes += [UInt8(bits & 0xff), UInt8(bits >> 8)] }
    let found = bytes.withUnsafeBytes { raw in
      let stored = StoredTensor(
        type: .float16, shape: [65536], bytes: UnsafeRawBufferPointer(rebasing: raw[offset...]), owner: nil)
      return [UInt16](unsafeUninitializedCapacity: 65536) { buffer, count in
        if let base = buffer.baseAddress { stored.convert(0..<65536, into: base, .bfloat16) }
        count = 65536
      }
    }
    for bits in Self.allBits {
      let value = Self.meaning(ofHalf: bits)
      let result = Float(bitPattern: UInt32(found[Int(bits)]) << 16)
      // Half an ulp of eight bits. Subnormal halves are normal in both other types.
      let isNear = abs(result - value) <= abs(value) / 256 && (value == 0) == (result == 0)
      #expect(value.isNaN ? result.isNaN : value.isInfinite ? result == value : isNear)
    }
  }

  @Test("widens a part of a tensor")
  func part() {
    let samples = Samples()
    defer { withExtendedLifetime(samples) {} }
    let stored = samples.weight([9, 7], .float32, misalignment: 3)
    let whole = (0..<63).map {
      Float(bitPattern: stored.bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self))
    }
    var found = [Float](repeating: 0, count: 5)
    stored.widen(11..<16, into: &found)
    #expect(found == Array(whole[11..<16]))
  }
}
