/// Neighbours that hardly any text means, but that UTF-8 has when it is decoded with a single-byte encoding.
enum MojibakeSigns {
  /// Whether a text has such neighbours anywhere.
  static func occur(in text: [Unicode.Scalar]) -> Bool {
    guard text.contains(where: { !$0.isASCII }) else { return false }
    // À la: a word at the very beginning whose no-break space became a blank.
    if text.count > 1, "ÃÂ".unicodeScalars.contains(text[0]), text[1] == " " { return true }
    let kinds = text.map(CharacterKind.init(of:))
    return text.indices.contains { start in
      // No sign begins with three characters of ASCII.
      guard text[start...].prefix(3).contains(where: { !$0.isASCII }) else { return false }
      return signs.contains { sign in
        sign.count <= text.count - start
          && sign.indices.allSatisfy { sign[$0].contains(text[start + $0], kinds[start + $0]) }
      }
    }
  }

  /// Which characters may stand at one position of a sign.
  private struct Position: Sendable, ExpressibleByStringLiteral {
    var kinds: CharacterKind = []
    var scalars: Set<Unicode.Scalar> = []
    var excluded: CharacterKind = []

    init(_ kinds: CharacterKind, _ scalars: String = "") {
      self.kinds = kinds
      self.scalars = Set(scalars.unicodeScalars)
    }

    init(stringLiteral scalars: String) { self.init([], scalars) }

    init(allBut excluded: CharacterKind) { self.excluded = excluded }

    func contains(_ scalar: Unicode.Scalar, _ kinds: CharacterKind) -> Bool {
      !kinds.isDisjoint(with: self.kinds) || scalars.contains(scalar)
        || (!excluded.isEmpty && kinds.isDisjoint(with: excluded))
    }
  }

  private static let accented: CharacterKind = [.lowerAccented, .upperAccented]

  private static let signs: [[Position]] = kindSigns + windowsSigns + otherSigns

  /// Kinds of characters in improbable order.
  private static let kindSigns: [[Position]] = {
    let special: CharacterKind = [.box, .opening, .closing, .currency, .numeric, .legal]
    let letter = Position([.lowerASCII, .upperASCII])
    return [
      [Position(.control)],
      [Position([.bad, special, accented]), Position(.bad)],
      [letter, Position([.lowerCommon, .upperCommon]), Position(.bad)],
      [Position(.bad), Position([accented, special])],
      [
        Position([.lowerAccented, .lowerCommon, .box, .closing, .currency, .numeric]),
        Position(.upperAccented),
      ],
      [Position([.box, .closing, .currency, .numeric]), Position(.lowerAccented)],
      [Position([.lowerAccented, .box, .closing]), Position(.currency)],
      [Position(.blank), Position(.upperAccented), Position(.currency)],
      [Position([.upperAccented, .box]), Position([.numeric, .legal])],
      [Position([accented, .box, .currency, .closing]), Position(.opening), Position(.numeric)],
      [
        Position([accented, .currency, .numeric, .box, .legal]), Position(.closing), Position(.opening),
      ],
      [Position([.currency, .numeric, .box]), Position(.opening)],
      [Position(.lowerASCII), Position(.upperAccented), Position([.opening, .currency])],
      [Position(.box), Position([.face, .closing])],
      [Position([accented, .currency, .numeric, .opening, .closing, .legal]), Position(.box)],
      [Position(accented), Position([.opening, .closing]), Position(.word)],
    ]
  }()

  /// Characters that two-byte and three-byte sequences give in Windows-1252.
  private static let windowsSigns: [[Position]] = {
    let arabic = Position([.common, .currency, .bad, .numeric, .opening], "ŸŠ®°µ»")
    return [
      ["Œœ", Position(allBut: [.lowerASCII, .upperASCII])],
      [Position(.upperAccented), "°"],
      ["ÂÃÎÐ", Position([.opening, .closing], "€œŠš¢£Ÿž\u{A0}\u{AD}®©°·»–—´")],
      ["×", "²³"],
      ["ØÙ", arabic, "ØÙ", arabic],
      // South Asian scripts.
      ["à", "²µ¹¼½¾"],
      // À and á.
      ["Ã", "\u{A0}¡"],
      [Position(.lowerASCII), "ÃÂ", " "],
      [Position(.lowerASCII), Position(.blank), "ÃÂ", " "],
      [
        Position([.lowerASCII, .closing], ".,?!"), "Â", Position([.opening, .closing], " "),
      ],
    ]
  }()

  /// The same in Mac OS Roman, Cyrillic, Greek and Baltic.
  private static let otherSigns: [[Position]] = {
    let middle: CharacterKind = [.control, .bad, .opening, .closing, .currency]
    return [
      ["√", "±∂†≠®™´≤≥¥µø"],
      ["≈", "°¢"],
      ["‚", "Ä", "ìîïòôúùû†°¢π"],
      ["‚", "âó", "àä°ê"],
      ["в", "Ђ"],
      ["ВГРС", Position(middle, "°µ"), "ВГРС"],
      // Cyrillic upon Latin-1 upon Windows-1252; Latin text is near.
      [
        "Г", "ў", "В", "Ђ", "В", Position(allBut: .lineFeed), Position([.lowerASCII, .upperASCII], " "),
      ],
      ["β", "€", "™\u{A0}Ά\u{AD}®°"],
      ["ΒΓΞΟ", Position(middle, "°"), "ΒΓΞΟ"],
      ["ā", "€"],
    ]
  }()
}
