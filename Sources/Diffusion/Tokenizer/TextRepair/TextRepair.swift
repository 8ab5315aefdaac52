/// Undoes what damages text on its way to a prompt: HTML's character references, text decoded with the wrong
/// encoding, typographic variants of plain characters, control characters.
///
/// Gives what `fix_text` of ftfy 6.3.1 gives with its default configuration (Robyn Speer, "ftfy", Zenodo,
/// doi:10.5281/zenodo.2591652), which is what transformers' CLIP tokenizer applies to each text.
enum TextRepair {
  /// The repaired text, in Normalization Form C.
  static func repaired(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
    var result: [Unicode.Scalar] = []
    result.reserveCapacity(text.count)
    // After the first line with a "<", which looks like HTML proper, references stay as they are.
    var isPlain = true
    var rest = text[...]
    while !rest.isEmpty {
      let end = rest.firstIndex(of: "\n").map { $0 + 1 } ?? rest.endIndex
      let line = rest[..<min(end, rest.startIndex + maximumLineLength)]
      rest = rest[line.endIndex...]
      isPlain = isPlain && !line.contains("<")
      result += repairedLine(Array(line), unescaping: isPlain)
    }
    return result
  }

  /// Longer lines are cut, so that the time for one has a bound.
  private static let maximumLineLength = 1_000_000

  /// One repair can reveal the need for another, so they go on until none changes anything.
  private static func repairedLine(_ line: [Unicode.Scalar], unescaping: Bool) -> [Unicode.Scalar] {
    var line = line
    while true {
      var repaired = unescaping ? CharacterReferences.resolved(in: line) : line
      repaired = EncodingRepair.repaired(repaired)
      repaired = CharacterRepair.repaired(repaired)
      repaired = NormalizationFormC.normalized(repaired)
      if repaired == line { return line }
      line = repaired
    }
  }
}
