import Base

/// The settings of a picture as AUTOMATIC1111's web UI writes them under the PNG keyword `parameters`.
///
///     a fox
///     Negative prompt: blurry
///     Steps: 20, Sampler: Euler, CFG scale: 9, Seed: 1, Size: 1024x1024, RNG: CPU
///
/// The grammar is that program's: each line loses its outer blanks, the negative prompt starts at a line that
/// begins with `Negative prompt:`, and the last line holds settings when three or more pairs are found in it.
/// What it cannot say, such as a prompt with a line `Negative prompt:`, does not survive a round trip.
/// Source: `parse_generation_parameters` in modules/infotext_utils.py of AUTOMATIC1111/stable-diffusion-
/// webui.
public struct Infotext: Sendable {
  public typealias Pair = (key: String, value: String)

  /// Fewer pairs on the last line are prompt text.
  public static let minimumPairs = 3

  public var prompt: String
  /// Nil when there is none; empty when a `Negative prompt:` stands there without text.
  public var negativePrompt: String?
  /// The settings in their order; keys as `isKey` allows them.
  public var pairs: [Pair]

  public init(prompt: String, negativePrompt: String? = nil, pairs: [Pair] = []) {
    self.prompt = prompt
    self.negativePrompt = negativePrompt
    self.pairs = pairs
  }

  /// The value of the last pair with this key.
  public subscript(key: String) -> String? { pairs.last { $0.key == key }?.value }

  /// Whether the grammar can hold this key: a word character, then one or more of word characters, blanks,
  /// `-` and `/`.
  public static func isKey(_ key: String) -> Bool {
    InfotextScanner.keyEnd(in: Array(key.unicodeScalars)[...]) == key.unicodeScalars.count
  }

  /// The text as it stands in a picture.
  ///
  /// Values with `,` `:` `"`, a control character or outer blanks, and empty ones, are written as JSON
  /// strings. With fewer than `minimumPairs` pairs a reader takes the settings for prompt text.
  public var text: String {
    var parts: [String] = []
    if !prompt.isEmpty { parts.append(prompt) }
    if let negativePrompt {
      parts.append(negativePrompt.isEmpty ? "Negative prompt:" : "Negative prompt: " + negativePrompt)
    }
    if !pairs.isEmpty {
      parts.append(
        pairs.map { key, value in
          precondition(Self.isKey(key), "not an infotext key: \(key)")
          return "\(key): \(Self.quoted(value))"
        }.joined(separator: ", "))
    }
    return parts.joined(separator: "\n")
  }

  private static func quoted(_ value: String) -> String {
    let scalars = value.unicodeScalars
    let isPlain =
      !scalars.isEmpty && InfotextScanner.trimmed(value).unicodeScalars.count == scalars.count
      && scalars.allSatisfy { !",:\"".unicodeScalars.contains($0) && $0.value >= 32 }
    return isPlain ? value : JSONValue.string(value).text()
  }
}

extension Infotext: Equatable {
  public static func == (left: Infotext, right: Infotext) -> Bool {
    left.prompt == right.prompt && left.negativePrompt == right.negativePrompt
      && left.pairs.elementsEqual(right.pairs, by: ==)
  }
}

extension Infotext {
  /// Takes a text apart. Every text means something: at the least it is a prompt.
  public init(parsing text: String) {
    // By scalars: to Swift "\r\n" is one character, which no "\n" would split.
    var lines = InfotextScanner.trimmed(text).unicodeScalars
      .split(separator: "\n", omittingEmptySubsequences: false).map { String($0) }
    self.init(prompt: "")
    let found = InfotextScanner.pairs(in: lines.last ?? "")
    if found.count >= Self.minimumPairs {
      pairs = found
      lines.removeLast()
    }
    var negative: String?
    for line in lines.map(InfotextScanner.trimmed) {
      let marker = "Negative prompt:".unicodeScalars
      if line.unicodeScalars.starts(with: marker) {
        if negative == nil { negative = "" }
        negative?.appendLine(InfotextScanner.trimmed(String(line.unicodeScalars.dropFirst(marker.count))))
      } else if negative != nil {
        negative?.appendLine(line)
      } else {
        prompt.appendLine(line)
      }
    }
    negativePrompt = negative
  }
}

extension String {
  /// In place: a text of a million lines must not be copied a million times.
  fileprivate mutating func appendLine(_ line: String) {
    if !isEmpty { append("\n") }
    append(line)
  }
}
