import Foundation
import RandomNumbers

/// Makes inputs that are nearly sound of ones that are.
struct Mutator {
  let samples: [Data]
  /// Pieces that mean something to what reads them.
  let words: [String]

  /// What stands in a number's or a text's place.
  private static let oddities = [
    "-1", "0", "1e999", "9223372036854775807", "9223372036854775808", "18446744073709551616", "NaN", "null",
    "[]",
    "{}", "\"\"", "\u{0}", "\u{FEFF}", "\u{1F98A}\u{200D}", "\\ud800", "\\u0000", "\n", "\r\n", "%n",
    "../../..",
  ]

  /// The input of a seed, always the same.
  func input(_ seed: UInt64) -> Data {
    var random = SplitMix64(seed: seed)
    var bytes = [UInt8](samples.randomElement(using: &random) ?? Data())
    for _ in 0..<Int.random(in: 0...6, using: &random) { change(&bytes, &random) }
    return Data(bytes)
  }

  private func change(_ bytes: inout [UInt8], _ random: inout SplitMix64) {
    let place = Int.random(in: 0...bytes.count, using: &random)
    let end = min(bytes.count, place + Int.random(in: 0...32, using: &random))
    switch Int.random(in: 0..<8, using: &random) {
    case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 1 where place < bytes.count: bytes[place] = UInt8.random(in: 0...255, using: &random)
    case 2: bytes.removeSubrange(place..<end)
    case 3: bytes.insert(contentsOf: bytes[place..<end], at: place)
    case 4: bytes.insert(contentsOf: (words.randomElement(using: &random) ?? "").utf8, at: place)
    case 5: bytes.replaceSubrange(place..<end, with: (Self.oddities.randomElement(using: &random) ?? "").utf8)
    case 6:
      let other = [UInt8](samples.randomElement(using: &random) ?? Data())
      bytes = Array(bytes[..<place]) + other.suffix(max(0, other.count - place))
    default: bytes.removeLast(Int.random(in: 0...min(bytes.count, 64), using: &random))
    }
  }
}
