import Base

/// What the texts of other programs say in ways that are plain text here: weights, changes from step to step, tags.
struct PromptSyntax {
  /// What a program reads in its prompts beside words.
  struct Grammar {
    /// The brackets that weight what stands in them, opening and closing.
    var weights: [Character: Character] = ["(": ")"]
    /// `[a|b]` and `[a:b:0.5]` change the text from step to step.
    var hasSteps = false
    /// `<lora:name:1>` and other tags.
    var hasTags = true
    /// Words that divide a prompt.
    var keywords: [String] = []
    /// `word+` and `(words)1.3`.
    var hasSuffixes = false

    static let a1111 = Grammar(
      weights: ["(": ")", "[": "]"], hasSteps: true, keywords: ["BREAK", "AND"])
    /// Its square brackets and tags are text there as well.
    static let comfyUI = Grammar(hasTags: false)
    static let fooocus = Grammar()
    static let swarmUI = Grammar(weights: ["(": ")", "[": "]"], hasSteps: true)
    static let novelAI = Grammar(weights: ["{": "}", "[": "]"], hasTags: false)
    static let invokeAI = Grammar(weights: [:], hasTags: false, hasSuffixes: true)
  }

  private let grammar: Grammar
  /// The first of each sort, as examples.
  private var weight: String?
  private var steps: String?
  private var tags: [String] = []
  private var words: [String] = []
  private var hasEscapes = false

  /// Reads a prompt and its negative prompt.
  init(_ texts: [String], _ grammar: Grammar) {
    self.grammar = grammar
    for text in texts {
      findBrackets(Array(text))
      findWords(text)
    }
  }

  /// What to say about it.
  var notes: [String] {
    var notes: [String] = []
    if !tags.isEmpty {
      let rest = tags.count - 3
      let names = tags.prefix(3) + (rest > 0 ? ["\(rest) more"] : [])
      let stay =
        tags.count == 1 ? "stays text here, without its effect" : "stay text here, without their effect"
      notes.append("\(NearestNames.list(Array(names), "and")) \(stay)")
    }
    if let weight { notes.append("weights such as \(weight) stay text here") }
    if let steps { notes.append("\(steps), which changes from step to step, stays text here") }
    if hasEscapes { notes.append("brackets after a backslash keep it here") }
    for word in words { notes.append("\(word) in its prompt stays text here") }
    return notes
  }

  /// Characters of an example at most.
  private static let exampleLength = 40

  private static func example(_ text: ArraySlice<Character>) -> String {
    text.count <= exampleLength ? String(text) : String(text.prefix(exampleLength - 1)) + "…"
  }

  /// Finds what stands in brackets; a backslash takes the next character's meaning.
  private mutating func findBrackets(_ text: [Character]) {
    let brackets = Set(grammar.weights.keys).union(grammar.weights.values)
    var open: [(closing: Character, start: Int, hasSeparator: Bool)] = []
    var index = 0
    while index < text.count {
      let character = text[index]
      if character == "\\" {
        index += 1
        if index < text.count, brackets.contains(text[index]) { hasEscapes = true }
      } else if let closing = grammar.weights[character] {
        open.append((closing, index, false))
      } else if let last = open.last, character == last.closing {
        open.removeLast()
        if index > last.start + 1 { add(text[last.start...index], hasSeparator: last.hasSeparator) }
      } else if "|:".contains(character), !open.isEmpty {
        open[open.count - 1].hasSeparator = true
      } else if character == "<", grammar.hasTags, let end = tagEnd(in: text, from: index) {
        tags.append(Self.example(text[index...end]))
        index = end
      }
      index += 1
    }
  }

  private mutating func add(_ group: ArraySlice<Character>, hasSeparator: Bool) {
    if grammar.hasSteps, group.first == "[", hasSeparator {
      steps = steps ?? Self.example(group)
    } else {
      weight = weight ?? Self.example(group)
    }
  }

  /// Where `<name:…>` ends: a word, a colon, and no line break.
  private func tagEnd(in text: [Character], from start: Int) -> Int? {
    let name = text[(start + 1)...].prefix { $0.isLetter }
    guard !name.isEmpty, name.count <= 20, name.endIndex < text.count, text[name.endIndex] == ":" else {
      return nil
    }
    let rest = text[name.endIndex...].prefix(400)
    guard let end = rest.firstIndex(where: { $0 == ">" || $0.isNewline }), text[end] == ">" else {
      return nil
    }
    return end
  }

  private mutating func findWords(_ text: String) {
    for part in text.split(whereSeparator: { $0.isWhitespace || $0 == "," }) {
      let word = String(part)
      if grammar.keywords.contains(word) || word.hasPrefix("embedding:") && word.count > 10 {
        if !words.contains(word), words.count < 5 { words.append(word) }
      } else if grammar.hasSuffixes, weight == nil, Self.hasSuffix(part) {
        weight = Self.example(Array(part)[...])
      }
    }
  }

  /// Whether a word ends in `+`, `-` or a bracket's weight, as compel has them.
  private static func hasSuffix(_ word: Substring) -> Bool {
    if let bracket = word.lastIndex(of: ")") {
      let suffix = word[word.index(after: bracket)...]
      return suffix.first.map { "+-".contains($0) || $0.isNumber } ?? false
    }
    guard let last = word.last, word.count > 1 else { return false }
    return last == "+" || last == "-" && word.contains { $0.isLetter }
  }
}

extension RecalledSettings {
  /// Notes what the texts that were taken say in the other program's grammar.
  mutating func noteSyntax(_ grammar: PromptSyntax.Grammar) {
    let texts = values.filter { [.prompt, .negative].contains($0.setting) }.compactMap(\.text)
    for note in PromptSyntax(texts, grammar).notes { self.note(note) }
  }
}
