import CKernels
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

  @Test("does the same where the processor has no instruction for it")
  func plainHalves() {
    var found = [Float](repeating: 0, count: 65536)
    ck_widen_f16_plain(Self.allBits, &found, 65536)
    #expect(Self.allBits.allSatisfy { same(found[Int($0)], Self.meaning(ofHalf: $0)) })
  }

  @Test("widens bfloat16, which is the upper half of a float32", arguments: [0, 1])
  func bfloat16(offset: Int) {
    let found = widened(.bfloat16, offset: offset)
    #expect(Self.allBits.allSatisfy { found[Int($0)].bitPattern == UInt32($0) << 16 })
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
