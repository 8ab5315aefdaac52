/// What kinds a character is of, with regard to what UTF-8 looks like in single-byte encodings.
struct CharacterKind: OptionSet, Sendable {
  let rawValue: UInt32

  /// At home in many contexts.
  static let common = CharacterKind(rawValue: 1 << 0)
  /// The controls from U+0080, without any use.
  static let control = CharacterKind(rawValue: 1 << 1)
  /// Nearly never meant.
  static let bad = CharacterKind(rawValue: 1 << 2)
  static let legal = CharacterKind(rawValue: 1 << 3)
  static let currency = CharacterKind(rawValue: 1 << 4)
  static let opening = CharacterKind(rawValue: 1 << 5)
  static let closing = CharacterKind(rawValue: 1 << 6)
  static let numeric = CharacterKind(rawValue: 1 << 7)
  /// Letters that faces are made of, in improbable company.
  static let face = CharacterKind(rawValue: 1 << 8)
  static let upperAccented = CharacterKind(rawValue: 1 << 9)
  static let lowerAccented = CharacterKind(rawValue: 1 << 10)
  /// Capitals of other scripts, often at the ends of words.
  static let upperCommon = CharacterKind(rawValue: 1 << 11)
  static let lowerCommon = CharacterKind(rawValue: 1 << 12)
  /// Lines and shades.
  static let box = CharacterKind(rawValue: 1 << 13)
  /// A to Z and a to z.
  static let upperASCII = CharacterKind(rawValue: 1 << 14)
  static let lowerASCII = CharacterKind(rawValue: 1 << 15)
  static let notLetterASCII = CharacterKind(rawValue: 1 << 16)
  static let blank = CharacterKind(rawValue: 1 << 17)
  static let lineFeed = CharacterKind(rawValue: 1 << 18)
  /// Letters and numbers of all scripts, and the low line.
  static let word = CharacterKind(rawValue: 1 << 19)

  init(rawValue: UInt32) { self.rawValue = rawValue }

  init(of scalar: Unicode.Scalar) {
    self = Self.members[scalar] ?? []
    switch scalar {
    case "A"..."Z": insert(.upperASCII)
    case "a"..."z": insert(.lowerASCII)
    default: insert(.notLetterASCII)
    }
    if scalar == "\n" { insert(.lineFeed) }
    if scalar.properties.isWhitespace || 0x1C...0x1F ~= scalar.value { insert(.blank) }
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
      .letterNumber, .otherNumber:
      insert(.word)
    default: if scalar == "_" { insert(.word) }
    }
  }

  private static let members: [Unicode.Scalar: CharacterKind] = {
    let lists: [(CharacterKind, String)] = [
      (.common, "\u{A0}\u{AD}·´–—―…’"),
      (.bad, "¦¤¨¬¯¸ƒˆˇ˘˛˜†‡‰⌐◊\u{FFFD}ªº"),
      (.legal, "¶§"),
      (.currency, "¢£¥₧€"),
      (.opening, "¡«¿©΄΅‘‚“„•‹\u{F8FF}"),
      (.closing, "®»˝”›™"),
      (.numeric, "²³¹±¼½¾×µ÷⁄∂∆∏∑√∞∩∫≈≠≡≤≥№"),
      (.face, "ÒÓÔÕÖÙÚÛÜòóôõöøùúûüŐŌŪŲ°"),
      (.upperAccented, "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑØÜÝĂĀĄĆČĎĐĘĚĒĖĞĢİĪĶĹĽŁĻŃŇŅŒŘŚŞŠŢŤŮŰŸŹŻŽҐ"),
      (.lowerAccented, "ßàáâãäåæçèéêëìíîïðñăąāćčďđęěēėğģįīķĺľłļœŕśşšťüźżžґﬁﬂ"),
      (.upperCommon, "ÞΆΈΉΊΌΎΏΪΫ"),
      (.lowerCommon, "άέήίΰ"),
      (.box, "│┌┐┘├┤┬┼▀▄█▌▐░▒▓"),
    ]
    let ranges: [(CharacterKind, ClosedRange<UInt32>)] = [
      (.control, 0x80...0x9F),
      // Α to Ω, Ё to Я; α to ω, а to џ.
      (.upperCommon, 0x391...0x3A9), (.upperCommon, 0x401...0x42F),
      (.lowerCommon, 0x3B1...0x3C9), (.lowerCommon, 0x430...0x45F),
      (.box, 0x2550...0x256C),
    ]
    var members: [Unicode.Scalar: CharacterKind] = [:]
    for (kind, list) in lists {
      for scalar in list.unicodeScalars { members[scalar, default: []].insert(kind) }
    }
    for (kind, range) in ranges {
      for scalar in range.compactMap(Unicode.Scalar.init) { members[scalar, default: []].insert(kind) }
    }
    return members
  }()
}
