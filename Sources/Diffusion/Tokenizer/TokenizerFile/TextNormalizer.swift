import Base

/// How a text is cleaned before it is cut into words.
indirect enum TextNormalizer: Sendable {
  case formC
  /// Each character's own lower case, whatever stands beside it.
  case lowercase
  case replaceBlanks([Unicode.Scalar])
  case replace([Unicode.Scalar], with: [Unicode.Scalar])
  case sequence([TextNormalizer])

  init?(_ json: JSONValue?) throws(TokenizerFault) {
    guard let part = try TokenizerPart(json, named: "normalizer") else { return nil }
    switch try part.string("type") {
    case "NFC": self = .formC
    case "Lowercase": self = .lowercase
    case "Replace":
      let content = Array(try part.string("content").unicodeScalars)
      switch part.fields["pattern"] {
      case .object(["Regex": "\\s+"]): self = .replaceBlanks(content)
      case .object(let pattern):
        guard case .string(let text)? = pattern["String"], !text.isEmpty else {
          throw TokenizerFault(text: "normalizer of type Replace has an expression that is not supported")
        }
        self = .replace(Array(text.unicodeScalars), with: content)
      default: throw part.fault("pattern", "an object")
      }
    case "Sequence":
      var steps: [TextNormalizer] = []
      for item in try part.list("normalizers") {
        if let step = try TextNormalizer(item) { steps.append(step) }
      }
      self = .sequence(steps)
    case let type: throw part.unsupported(type)
    }
  }

  func normalized(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
    switch self {
    // The library's tables are of Unicode 9.
    case .formC: NormalizationFormC.normalized(text, version: 9)
    case .lowercase: text.flatMap { Array($0.properties.lowercaseMapping.unicodeScalars) }
    case .replaceBlanks(let content):
      Self.replacing(text, with: content) { rest in rest.prefix { $0.properties.isWhitespace }.count }
    case .replace(let literal, let content):
      Self.replacing(text, with: content) { rest in rest.starts(with: literal) ? literal.count : 0 }
    case .sequence(let steps): steps.reduce(text) { $1.normalized($0) }
    }
  }

  /// Replaces whatever `length` finds at the beginning of the rest of the text.
  private static func replacing(
    _ text: [Unicode.Scalar], with content: [Unicode.Scalar], _ length: (ArraySlice<Unicode.Scalar>) -> Int
  ) -> [Unicode.Scalar] {
    var result: [Unicode.Scalar] = []
    result.reserveCapacity(text.count)
    var position = 0
    while position < text.count {
      let found = length(text[position...])
      if found > 0 { result += content } else { result.append(text[position]) }
      position += max(1, found)
    }
    return result
  }
}
