extension Unicode.Scalar {
  /// Whether it is a control, a line separator or a format character other than the joiners of scripts and emoji: what
  /// could act on a terminal or hide in a line.
  public var isInvisible: Bool {
    if isASCII { return value < 0x20 || value == 0x7F }
    switch properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: return true
    case .format: return value != 0x200C && value != 0x200D
    default: return false
    }
  }
}

extension Unicode.Scalar {
  /// The escape that the shell's double quotes read back as this scalar: `\n`, `\u{1b}`.
  public var escape: String {
    switch self {
    case "\n": "\\n"
    case "\t": "\\t"
    default: "\\u{\(String(value, radix: 16))}"
    }
  }
}

extension String {
  /// The text with its invisible characters written as escapes.
  public var escapingInvisibles: String {
    guard unicodeScalars.contains(where: \.isInvisible) else { return self }
    // By bytes: a scalar view looks at all of it each time that something is appended.
    var result: [UInt8] = []
    result.reserveCapacity(utf8.count)
    for scalar in unicodeScalars {
      result += scalar.isInvisible ? Array(scalar.escape.utf8) : Array(String(scalar).utf8)
    }
    return String(decoding: result, as: UTF8.self)
  }
}
