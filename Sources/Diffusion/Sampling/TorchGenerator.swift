import Foundation

/// PyTorch's CPU generator, so that a seed gives the same initial noise as it does in other programs.
///
/// A 32-bit Mersenne Twister (Matsumoto and Nishimura 1998, MT19937) seeded from the seed's low 32 bits, with
/// the two ways in which `torch.randn` on the CPU turns its words into float32 normals: see `normal(count:)`.
/// A value type: a copy goes on from the same place. As in torch, two draws are not one draw of both counts.
public struct TorchGenerator: Equatable, Sendable {
  private static let wordCount = 624
  private static let shift = 397

  private var state: [UInt32]
  /// Words of `state` handed out already; at `wordCount` the state is due for renewal.
  private var position = TorchGenerator.wordCount
  /// The second normal of a pair drawn one at a time, which torch keeps for the next draw of that kind.
  private var cachedNormal: Double?

  /// The state of `torch.Generator("cpu").manual_seed(seed)`; seeds equal in their low 32 bits give equal
  /// states.
  public init(seed: UInt64) {
    var words = [UInt32](repeating: UInt32(truncatingIfNeeded: seed), count: Self.wordCount)
    for i in 1..<Self.wordCount {
      words[i] = 1_812_433_253 &* (words[i - 1] ^ (words[i - 1] >> 30)) &+ UInt32(i)
    }
    state = words
  }

  /// The next `count` standard normals, as `torch.randn(count, generator:)` draws them in float32.
  ///
  /// From 16 values on, torch first fills with 24-bit uniforms and then pairs value j with value j + 8 of
  /// each run of 16; a count that is no multiple of 16 has its last 16 values drawn anew. Below 16 it draws
  /// in double precision, one pair at a time. Torch's own vector logarithm and sine differ from libm's by an
  /// ulp or two.
  public mutating func normal(count: Int) -> [Float] {
    precondition(count >= 0, "a count of values is not negative")
    guard count >= 16 else { return (0..<count).map { _ in Float(nextNormal()) } }
    return [Float](unsafeUninitializedCapacity: count) { values, initialized in
      fillUniform(&values, from: 0)
      for start in stride(from: 0, through: count - 16, by: 16) { Self.boxMuller16(&values, from: start) }
      if count % 16 != 0 {
        fillUniform(&values, from: count - 16)
        Self.boxMuller16(&values, from: count - 16)
      }
      initialized = count
    }
  }

  /// Writes uniforms of [0, 1) with 24 random bits each, from `start` to the end.
  private mutating func fillUniform(_ values: inout UnsafeMutableBufferPointer<Float>, from start: Int) {
    var next = start
    while next < values.count {
      if position == Self.wordCount { renew() }
      let taken = min(values.count - next, Self.wordCount - position)
      for i in 0..<taken {
        values[next + i] = Float(Self.temper(state[position + i]) & 0xFF_FFFF) * 0x1p-24
      }
      position += taken
      next += taken
    }
  }

  /// Box and Muller's transform (1958) of 16 uniforms in place: radius from the first eight, angle from the
  /// others.
  private static func boxMuller16(_ values: inout UnsafeMutableBufferPointer<Float>, from start: Int) {
    // Nearest to 2 pi: Swift's Float.pi is rounded towards zero, torch's constant is not.
    let turn = Float(2 * Double.pi)
    for j in start..<start + 8 {
      // 1 - u is in (0, 1], where the logarithm is finite.
      let radius = (-2 * log(1 - values[j])).squareRoot()
      let angle = turn * values[j + 8]
      values[j] = radius * cos(angle)
      values[j + 8] = radius * sin(angle)
    }
  }

  /// One normal in double precision, of a pair whose second value is kept for the next call.
  private mutating func nextNormal() -> Double {
    if let cached = cachedNormal {
      cachedNormal = nil
      return cached
    }
    let angle = 2 * Double.pi * nextUniform()
    let radius = (-2 * log1p(-nextUniform())).squareRoot()
    cachedNormal = radius * sin(angle)
    return radius * cos(angle)
  }

  /// A uniform of [0, 1) with 53 random bits, the high word drawn first.
  private mutating func nextUniform() -> Double {
    let high = UInt64(nextWord())
    let bits = high << 32 | UInt64(nextWord())
    return Double(bits & (1 << 53 - 1)) * 0x1p-53
  }

  private mutating func nextWord() -> UInt32 {
    if position == Self.wordCount { renew() }
    defer { position += 1 }
    return Self.temper(state[position])
  }

  /// MT19937's tempering of a word of its state.
  private static func temper(_ word: UInt32) -> UInt32 {
    var y = word
    y ^= y >> 11
    y ^= (y << 7) & 0x9D2C_5680
    y ^= (y << 15) & 0xEFC6_0000
    return y ^ (y >> 18)
  }

  /// MT19937's recurrence over all its words.
  private mutating func renew() {
    let count = Self.wordCount
    state.withUnsafeMutableBufferPointer { words in
      func advance(_ i: Int, next: Int, from source: Int) {
        let y = (words[i] & 0x8000_0000) | (words[next] & 0x7FFF_FFFF)
        words[i] = words[source] ^ (y >> 1) ^ (0 &- (y & 1)) & 0x9908_B0DF
      }
      for i in 0..<count - Self.shift { advance(i, next: i + 1, from: i + Self.shift) }
      for i in count - Self.shift..<count - 1 { advance(i, next: i + 1, from: i + Self.shift - count) }
      advance(count - 1, next: 0, from: Self.shift - 1)
    }
    position = 0
  }
}
