import Base
import Foundation

extension RecalledSettings {
  /// Draw Things' JSON, which stands in the XMP packet's `exif:UserComment`.
  static func drawThings(_ texts: PictureTexts) throws -> RecalledSettings? {
    guard let packet = texts["XML:com.adobe.xmp"] else { return nil }
    var settings = RecalledSettings(
      of: packet.contains("Draw Things") ? "Draw Things" : "Draw Things or the like")
    guard let comment = XMPPacket.userComment(in: packet) else {
      settings.note("its XMP has no exif:UserComment, which is where Draw Things writes its settings")
      return settings
    }
    guard let fields = (try? JSONValue(keepingDigitsOf: comment, at: texts.path))?.fields else {
      settings.note("its XMP has no JSON in exif:UserComment, which is where Draw Things writes its settings")
      return settings
    }
    settings = RecalledSettings(of: "Draw Things")
    settings.take(prompt: fields["c"]?.string, negative: fields["uc"]?.string)
    settings.take(.cfg, fields["scale"])
    settings.take(.steps, fields["steps"])
    settings.take(.seed, fields["seed"])
    settings.take(size: fields["size"]?.string)
    if let name = fields["sampler"]?.string {
      let isKarras = name.lowercased().hasSuffix(" karras")
      let solver = isKarras ? String(name.dropLast(" karras".count)) : name
      settings.take(sampler: solver, spacing: isKarras ? .karras : .usual, from: .infotext)
    }
    settings.noteSyntax(.fooocus)
    settings.noteDrawThingsEffects(fields)
    return settings
  }

  private mutating func noteDrawThingsEffects(_ fields: [String: JSONValue]) {
    if let mode = fields["seed_mode"]?.string, mode != "Torch CPU Compatible" {
      note(
        "its noise was drawn in the mode \(mode): the same seed gives another picture here"
      )
    }
    if let strength = fields["strength"]?.number, strength < 1 {
      note("it began with another picture (strength \(SettingCommands.text(.number(strength))))")
    }
    let loras = (fields["lora"]?.items ?? []).compactMap(\.fields).filter { $0["weight"]?.isNothing != true }
    noteLoRAs(loras.compactMap { ($0["model"] ?? $0["file"])?.string })
    let whole = fields["v2"]?.fields ?? [:]
    var others = [
      ("hiresFix", "the high-resolution pass"), ("refinerModel", "the refiner"), ("controls", "ControlNets"),
    ].filter { whole[$0.0]?.isNothing == false }.map(\.1)
    if let skip = fields["clip_skip"]?.number, skip > 1 { others.append("clip skip") }
    noteLeftOut(others)
  }
}

/// The little of XMP that is needed: one property of a packet.
enum XMPPacket {
  /// The text of `exif:UserComment`, as an element, with or without a list of languages in it, or as an attribute.
  static func userComment(in packet: String) -> String? {
    guard let name = packet.range(of: "exif:UserComment") else { return nil }
    let rest = packet[name.upperBound...]
    if rest.hasPrefix("=\"") {
      let value = rest.dropFirst(2).prefix { $0 != "\"" }
      return unescaped(value)
    }
    guard let start = rest.firstIndex(of: ">"), let end = rest.range(of: "</exif:UserComment>"),
      start < end.lowerBound
    else { return nil }
    let content = rest[rest.index(after: start)..<end.lowerBound]
    // Tags in it are the list's; the text itself has its `<` escaped.
    guard let item = content.range(of: "<rdf:li"), let open = content[item.upperBound...].firstIndex(of: ">"),
      let close = content.range(of: "</rdf:li>"), open < close.lowerBound
    else { return unescaped(content) }
    return unescaped(content[content.index(after: open)..<close.lowerBound])
  }

  private static let entities = ["quot": "\"", "amp": "&", "lt": "<", "gt": ">", "apos": "'"]

  /// The text with XML's five entities and numbers of characters undone.
  private static func unescaped(_ text: Substring) -> String {
    var (result, rest) = ("", text)
    while let mark = rest.firstIndex(of: "&") {
      result += rest[..<mark]
      rest = rest[mark...]
      let name = rest.dropFirst().prefix(10).prefix { $0 != ";" }
      guard name.endIndex < rest.endIndex, rest[name.endIndex] == ";", let character = character(String(name))
      else {
        result += rest.prefix(1)
        rest = rest.dropFirst()
        continue
      }
      result += character
      rest = rest[rest.index(after: name.endIndex)...]
    }
    return result + rest
  }

  private static func character(_ name: String) -> String? {
    if let text = entities[name] { return text }
    guard name.hasPrefix("#") else { return nil }
    let isHex = name.dropFirst().hasPrefix("x")
    let digits = name.dropFirst(isHex ? 2 : 1)
    return UInt32(digits, radix: isHex ? 16 : 10).flatMap(Unicode.Scalar.init).map { String(Character($0)) }
  }
}
