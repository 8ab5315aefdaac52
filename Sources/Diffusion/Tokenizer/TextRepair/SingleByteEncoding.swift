/// One of the encodings that UTF-8 is mistaken for, with a byte to a character.
///
/// The lower half is ASCII. Bytes that the standard leaves without a meaning stand for the control character
/// of the same number, as in browsers (WHATWG, "Encoding", section 9).
struct SingleByteEncoding: Sendable {
  /// Whether it is one of Windows', in which programs that decode strictly leave U+FFFD for bytes without a
  /// meaning; here byte 1A (SUBSTITUTE) stands for it.
  let isWindows: Bool
  /// Whether byte A0 of UTF-8 may have become a blank. Not in Mac OS Roman, where an en dash before a blank
  /// looks the same.
  let losesNoBreakSpaces: Bool
  private let upperHalf: [Unicode.Scalar]
  private let bytes: [Unicode.Scalar: UInt8]

  static let substitute: UInt8 = 0x1A

  private init(isWindows: Bool, losesNoBreakSpaces: Bool = true, upperHalf: String) {
    let scalars = Array(upperHalf.unicodeScalars)
    precondition(scalars.count == 128)
    self.isWindows = isWindows
    self.losesNoBreakSpaces = losesNoBreakSpaces
    self.upperHalf = scalars
    var bytes = Dictionary(uniqueKeysWithValues: zip(scalars, UInt8(0x80)...0xFF))
    if isWindows { bytes["\u{FFFD}"] = Self.substitute }
    self.bytes = bytes
  }

  /// The character of a byte.
  func decoded(_ byte: UInt8) -> Unicode.Scalar {
    byte < 0x80 ? Unicode.Scalar(byte) : upperHalf[Int(byte) - 0x80]
  }

  /// The bytes of a text; nil where it has a character that the encoding lacks.
  func encoded(_ text: [Unicode.Scalar]) -> [UInt8]? {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    for scalar in text {
      if scalar.isASCII, !isWindows || scalar.value != Self.substitute {
        result.append(UInt8(scalar.value))
      } else if let byte = bytes[scalar] {
        result.append(byte)
      } else {
        return nil
      }
    }
    return result
  }
}

extension SingleByteEncoding {
  /// ISO 8859-1, whose characters are the first of Unicode.
  static let latin1 = SingleByteEncoding(
    isWindows: false,
    upperHalf: String(String.UnicodeScalarView((UInt8(0x80)...0xFF).map { Unicode.Scalar($0) })))

  /// Western European.
  static let windows1252 = SingleByteEncoding(
    isWindows: true,
    upperHalf: "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8D}Ž\u{8F}\u{90}‘’“”•–—˜™š›œ\u{9D}žŸ"
      + "\u{A0}¡¢£¤¥¦§¨©ª«¬\u{AD}®¯°±²³´µ¶·¸¹º»¼½¾¿"
      + "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞß"
      + "àáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ")

  /// Cyrillic.
  static let windows1251 = SingleByteEncoding(
    isWindows: true,
    upperHalf: "ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—\u{98}™љ›њќћџ"
      + "\u{A0}ЎўЈ¤Ґ¦§Ё©Є«¬\u{AD}®Ї°±Ііґµ¶·ё№є»јЅѕї"
      + "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ"
      + "абвгдежзийклмнопрстуфхцчшщъыьэюя")

  /// Central European.
  static let windows1250 = SingleByteEncoding(
    isWindows: true,
    upperHalf: "€\u{81}‚\u{83}„…†‡\u{88}‰Š‹ŚŤŽŹ\u{90}‘’“”•–—\u{98}™š›śťžź"
      + "\u{A0}ˇ˘Ł¤Ą¦§¨©Ş«¬\u{AD}®Ż°±˛ł´µ¶·¸ąş»Ľ˝ľż"
      + "ŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢß"
      + "ŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙")

  /// Greek.
  static let windows1253 = SingleByteEncoding(
    isWindows: true,
    upperHalf:
      "€\u{81}‚ƒ„…†‡\u{88}‰\u{8A}‹\u{8C}\u{8D}\u{8E}\u{8F}\u{90}‘’“”•–—\u{98}™\u{9A}›\u{9C}\u{9D}\u{9E}\u{9F}"
      + "\u{A0}΅Ά£¤¥¦§¨©ª«¬\u{AD}®―°±²³΄µ¶·ΈΉΊ»Ό½ΎΏ"
      + "ΐΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡÒΣΤΥΦΧΨΩΪΫάέήί"
      + "ΰαβγδεζηθικλμνξοπρςστυφχψωϊϋόύώÿ")

  /// Turkish.
  static let windows1254 = SingleByteEncoding(
    isWindows: true,
    upperHalf: "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8D}\u{8E}\u{8F}\u{90}‘’“”•–—˜™š›œ\u{9D}\u{9E}Ÿ"
      + "\u{A0}¡¢£¤¥¦§¨©ª«¬\u{AD}®¯°±²³´µ¶·¸¹º»¼½¾¿"
      + "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏĞÑÒÓÔÕÖ×ØÙÚÛÜİŞß"
      + "àáâãäåæçèéêëìíîïğñòóôõö÷øùúûüışÿ")

  /// Baltic.
  static let windows1257 = SingleByteEncoding(
    isWindows: true,
    upperHalf: "€\u{81}‚\u{83}„…†‡\u{88}‰\u{8A}‹\u{8C}¨ˇ¸\u{90}‘’“”•–—\u{98}™\u{9A}›\u{9C}¯˛\u{9F}"
      + "\u{A0}¡¢£¤¥¦§Ø©Ŗ«¬\u{AD}®Æ°±²³´µ¶·ø¹ŗ»¼½¾æ"
      + "ĄĮĀĆÄÅĘĒČÉŹĖĢĶĪĻŠŃŅÓŌÕÖ×ŲŁŚŪÜŻŽß"
      + "ąįāćäåęēčéźėģķīļšńņóōõö÷ųłśūüżž˙")

  /// Central European, ISO 8859-2.
  static let isoLatin2 = SingleByteEncoding(
    isWindows: false,
    upperHalf: latin1Controls
      + "\u{A0}Ą˘Ł¤ĽŚ§¨ŠŞŤŹ\u{AD}ŽŻ°ą˛ł´ľśˇ¸šşťź˝žż"
      + "ŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢß"
      + "ŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙")

  /// The Macintosh's Western European.
  static let macOSRoman = SingleByteEncoding(
    isWindows: false, losesNoBreakSpaces: false,
    upperHalf: "ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü"
      + "†°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø"
      + "¿¡¬√ƒ≈∆«»…\u{A0}ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€‹›ﬁﬂ"
      + "‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ\u{F8FF}ÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ")

  /// The first PC's.
  static let codePage437 = SingleByteEncoding(
    isWindows: false,
    upperHalf: "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒ"
      + "áíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐"
      + "└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀"
      + "αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{A0}")

  private static let latin1Controls = String(
    String.UnicodeScalarView((UInt8(0x80)...0x9F).map { Unicode.Scalar($0) }))
}
