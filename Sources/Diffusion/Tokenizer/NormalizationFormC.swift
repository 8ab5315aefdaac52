import Foundation

/// Unicode's Normalization Form C (UAX #15): each character in its one composed spelling.
///
/// Foundation's own leaves conjoining jamo apart, makes U+FFFD of old jamo, and does not reorder marks that
/// decompose (U+0F81), so it is asked only what one character or one pair becomes.
enum NormalizationFormC {
  /// - Parameter version: of Unicode; characters that came later neither compose nor are put in order.
  static func normalized(_ text: [Unicode.Scalar], version: Int = .max) -> [Unicode.Scalar] {
    // No character below the combining marks changes alone, and none is the second of a pair.
    guard text.contains(where: { $0.value >= firstMark }) else { return text }
    let form = Version(number: version)
    return composed(reordered(text.flatMap { form.holds($0) ? decomposed($0) : [$0] }, form), form)
  }

  /// A version of Unicode.
  private struct Version {
    let number: Int

    func holds(_ scalar: Unicode.Scalar) -> Bool {
      number == .max || (scalar.properties.age?.major ?? .max) <= number
    }

    func combiningClass(_ scalar: Unicode.Scalar) -> Unicode.CanonicalCombiningClass {
      let found = scalar.properties.canonicalCombiningClass
      return found == .notReordered || holds(scalar) ? found : .notReordered
    }
  }

  private static let firstMark: UInt32 = 0x300

  /// The full canonical decomposition of a character.
  private static func decomposed(_ scalar: Unicode.Scalar) -> [Unicode.Scalar] {
    // Nothing below U+00C0 decomposes, nor do ideographs except the compatibility ones.
    if scalar.value < 0xC0 || (0x3400...0x9FFF).contains(scalar.value) { return [scalar] }
    if let jamo = Hangul.decomposed(scalar) { return jamo }
    return Array(string([scalar]).decomposedStringWithCanonicalMapping.unicodeScalars)
  }

  /// Each run of marks in the order of their combining classes.
  private static func reordered(_ text: [Unicode.Scalar], _ version: Version) -> [Unicode.Scalar] {
    var result: [Unicode.Scalar] = []
    result.reserveCapacity(text.count)
    var marks: [(order: Int, scalar: Unicode.Scalar)] = []
    func appendMarks() {
      // Marks of one class keep their order.
      result += marks.sorted { $0.order < $1.order }.map(\.scalar)
      marks.removeAll(keepingCapacity: true)
    }
    for scalar in text {
      let combiningClass = Int(version.combiningClass(scalar).rawValue)
      if combiningClass > 0 {
        marks.append((combiningClass << 32 | marks.count, scalar))
      } else {
        appendMarks()
        result.append(scalar)
      }
    }
    appendMarks()
    return result
  }

  /// Joins each starter with the marks after it that nothing blocks.
  private static func composed(_ text: [Unicode.Scalar], _ version: Version) -> [Unicode.Scalar] {
    var result: [Unicode.Scalar] = []
    result.reserveCapacity(text.count)
    var starter: Int?
    var lastClass = Unicode.CanonicalCombiningClass.notReordered
    for scalar in text {
      let combiningClass = version.combiningClass(scalar)
      if let starter, starter == result.count - 1 || lastClass < combiningClass,
        let composite = composite(result[starter], scalar), version.holds(composite)
      {
        result[starter] = composite
        continue
      }
      if combiningClass == .notReordered { starter = result.count }
      lastClass = combiningClass
      result.append(scalar)
    }
    return result
  }

  /// The one character that a pair composes to.
  private static func composite(_ first: Unicode.Scalar, _ second: Unicode.Scalar) -> Unicode.Scalar? {
    guard second.value >= firstMark else { return nil }
    if Hangul.isJamo(second) { return Hangul.composite(first, second) }
    // Foundation makes U+0CCB of U+0CCA and U+0CD5 only when they come decomposed, and takes U+E01B0 for
    // U+01B0, hence the check of what it found.
    let parts = decomposed(first) + [second]
    let composed = string(parts).precomposedStringWithCanonicalMapping.unicodeScalars
    guard composed.count == 1, let composite = composed.first, decomposed(composite) == parts else {
      return nil
    }
    return composite
  }

  private static func string(_ scalars: [Unicode.Scalar]) -> String {
    String(String.UnicodeScalarView(scalars))
  }
}

/// The arithmetic of Korean syllables (The Unicode Standard, section 3.12).
private enum Hangul {
  private static let leads: Range<UInt32> = 0x1100..<0x1113
  private static let vowels: Range<UInt32> = 0x1161..<0x1176
  /// The first stands for no final consonant.
  private static let tails: Range<UInt32> = 0x11A7..<0x11C3
  private static let syllables: Range<UInt32> = 0xAC00..<0xD7A4
  private static let tailCount = UInt32(tails.count)
  private static let vowelCount = UInt32(vowels.count)

  static func isJamo(_ scalar: Unicode.Scalar) -> Bool { (0x1100...0x11FF).contains(scalar.value) }

  static func decomposed(_ scalar: Unicode.Scalar) -> [Unicode.Scalar]? {
    guard syllables.contains(scalar.value) else { return nil }
    let (leadAndVowel, tail) = (scalar.value - syllables.lowerBound).quotientAndRemainder(
      dividingBy: tailCount)
    let (lead, vowel) = leadAndVowel.quotientAndRemainder(dividingBy: vowelCount)
    let parts =
      [leads.lowerBound + lead, vowels.lowerBound + vowel] + (tail > 0 ? [tails.lowerBound + tail] : [])
    return parts.compactMap(Unicode.Scalar.init)
  }

  static func composite(_ first: Unicode.Scalar, _ second: Unicode.Scalar) -> Unicode.Scalar? {
    if leads.contains(first.value), vowels.contains(second.value) {
      let lead = first.value - leads.lowerBound
      let vowel = second.value - vowels.lowerBound
      return Unicode.Scalar(syllables.lowerBound + (lead * vowelCount + vowel) * tailCount)
    }
    let offset = first.value &- syllables.lowerBound
    guard syllables.contains(first.value), offset % tailCount == 0,
      tails.dropFirst().contains(second.value)
    else { return nil }
    return Unicode.Scalar(first.value + second.value - tails.lowerBound)
  }
}
