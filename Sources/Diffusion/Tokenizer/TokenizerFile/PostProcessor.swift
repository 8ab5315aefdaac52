import Base

/// What is put around the ids of a text.
indirect enum PostProcessor: Sendable {
  case surround(before: [Int], after: [Int])
  case sequence([PostProcessor])

  /// nil where nothing is added.
  init?(_ json: JSONValue?) throws(TokenizerFault) {
    guard let part = try TokenizerPart(json, named: "post_processor") else { return nil }
    switch try part.string("type") {
    case "RobertaProcessing", "BertProcessing":
      func id(_ key: String) throws(TokenizerFault) -> Int {
        guard case .array(let pair)? = part.fields[key], pair.count == 2, let id = pair[1].wholeNumber else {
          throw part.fault(key, "a token and its id")
        }
        return id
      }
      self = .surround(before: [try id("cls")], after: [try id("sep")])
    case "TemplateProcessing": self = try Self.template(part)
    // It changes offsets alone.
    case "ByteLevel": return nil
    case "Sequence":
      var steps: [PostProcessor] = []
      for item in try part.list("processors") {
        if let step = try PostProcessor(item) { steps.append(step) }
      }
      self = .sequence(steps)
    case let type: throw part.unsupported(type)
    }
  }

  private static func template(_ part: TokenizerPart) throws(TokenizerFault) -> PostProcessor {
    guard case .object(let tokens)? = part.fields["special_tokens"] else {
      throw part.fault("special_tokens", "an object")
    }
    var (before, after): ([Int], [Int]) = ([], [])
    var hasText = false
    for item in try part.list("single") {
      guard case .object(let fields) = item else { throw part.fault("single", "a list of objects") }
      if fields["Sequence"] != nil {
        if hasText { throw TokenizerFault(text: "post_processor has the text twice, which is not supported") }
        hasText = true
        continue
      }
      guard case .object(let reference)? = fields["SpecialToken"], case .string(let name)? = reference["id"],
        case .object(let token)? = tokens[name], case .array(let ids)? = token["ids"]
      else { throw part.fault("single", "a list of the text and special tokens") }
      let numbers = ids.compactMap(\.wholeNumber)
      if hasText { after += numbers } else { before += numbers }
    }
    guard hasText else { throw TokenizerFault(text: "post_processor.single leaves out the text") }
    return .surround(before: before, after: after)
  }

  func ids(around ids: [Int]) -> [Int] {
    switch self {
    case .surround(let before, let after): before + ids + after
    case .sequence(let steps): steps.reduce(ids) { $1.ids(around: $0) }
    }
  }
}
