import Base
import Foundation
import Imaging

/// An infotext as some program wrote it, brought into the form that A1111's grammar reads.
///
/// - stable-diffusion.cpp ends it with `, SDCPP: {…}`, JSON without quotes.
/// - A1111's dynamic prompts put `Template:` and `Negative Template:` lines below the settings.
/// - SD.Next separated the settings by ` | ` and began with `prompt: `.
/// - Where a comma is the decimal sign, `CFG scale: 7,5` is written.
struct InfotextVariant {
  private(set) var infotext: Infotext
  /// The program that wrote it, as far as it says so.
  let program: Program
  /// What stands after `SDCPP:`.
  let details: [String: JSONValue]
  /// `7,5`, where a decimal comma was read as a point.
  let decimalComma: String?

  enum Program: String {
    case a1111 = "A1111"
    case forge = "Forge"
    case sdNext = "SD.Next"
    case fooocus = "Fooocus"
    case comfyUI = "ComfyUI"
    case stableDiffusionCpp = "stable-diffusion.cpp"
    case ssd1b = "ssd1b"
    case unknown = "a program like A1111"

    init(version: String?, app: String?) {
      let version = version ?? ""
      func begins(_ start: String) -> Bool { version.hasPrefix(start) }
      if app == "SD.Next" {
        self = .sdNext
      } else if begins("v"), version.dropFirst().first?.isNumber == true {
        self = .a1111
      } else if begins("f"), version.contains("v1.") {
        self = .forge
      } else {
        let named: [Program] = [.fooocus, .comfyUI, .stableDiffusionCpp, .ssd1b]
        self = named.first { begins($0.rawValue) } ?? .unknown
      }
    }
  }

  init(parsing text: String) {
    var lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map {
      String($0)
    }
    details = Self.cutDetails(from: &lines)
    Self.cutTemplates(from: &lines)
    while let last = lines.last, Self.trimmed(last).isEmpty { lines.removeLast() }
    decimalComma = lines.isEmpty ? nil : Self.replaceDecimalComma(in: &lines[lines.count - 1])
    let isPiped = Self.replacePipes(in: &lines)
    infotext = Infotext(parsing: lines.joined(separator: "\n"))
    if isPiped, infotext.prompt.lowercased().hasPrefix("prompt:") {
      infotext.prompt = Self.trimmed(String(infotext.prompt.dropFirst("prompt:".count)))
    }
    let program = Program(version: infotext["Version"], app: infotext["App"])
    self.program = isPiped && program == .unknown ? .sdNext : program
  }

  private static func trimmed(_ text: String) -> String {
    text.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// Whether a line alone is one of settings.
  private static func isSettings(_ line: String) -> Bool {
    let colons = line.utf8.lazy.filter { $0 == UInt8(ascii: ":") }
    return colons.count >= Infotext.minimumPairs && !Infotext(parsing: line).pairs.isEmpty
  }

  /// Cuts `, SDCPP: {…}` from the end of the settings, with all that follows.
  private static func cutDetails(from lines: inout [String]) -> [String: JSONValue] {
    for (index, line) in lines.enumerated() {
      guard let mark = line.range(of: ", SDCPP: {"), isSettings(String(line[..<mark.lowerBound])) else {
        continue
      }
      let json = line[line.index(before: mark.upperBound)...] + lines[(index + 1)...].joined(separator: "\n")
      lines = lines[..<index] + [String(line[..<mark.lowerBound])]
      return (try? JSONValue(keepingDigitsOf: String(json), at: "SDCPP"))?.fields ?? [:]
    }
    return [:]
  }

  /// Cuts off what stands below the settings from a `Template:` line on.
  private static func cutTemplates(from lines: inout [String]) {
    var above = ""
    for (index, line) in lines.enumerated() {
      let line = trimmed(line)
      if line.hasPrefix("Template:") || line.hasPrefix("Negative Template:"), isSettings(above) {
        lines.removeSubrange(index...)
        return
      }
      if !line.isEmpty { above = line }
    }
  }

  /// Makes `CFG scale: 7,5` into `CFG scale: 7.5` and gives `7,5`; a `5` alone between commas would mean nothing.
  private static func replaceDecimalComma(in line: inout String) -> String? {
    guard let key = line.range(of: "CFG scale: ") else { return nil }
    let whole = line[key.upperBound...].prefix { $0.isASCII && $0.isNumber }
    guard !whole.isEmpty, whole.endIndex < line.endIndex, line[whole.endIndex] == "," else { return nil }
    let fraction = line[line.index(after: whole.endIndex)...].prefix { $0.isASCII && $0.isNumber }
    guard !fraction.isEmpty, fraction.endIndex == line.endIndex || line[fraction.endIndex] == "," else {
      return nil
    }
    let number = "\(whole),\(fraction)"
    line.replaceSubrange(whole.startIndex..<fraction.endIndex, with: "\(whole).\(fraction)")
    return number
  }

  /// Writes a last line `Steps: 25 | Seed: 1 | …` with commas; false where it is none.
  private static func replacePipes(in lines: inout [String]) -> Bool {
    guard let last = lines.last, last.contains(" | "), !isSettings(last) else { return false }
    let pairs = trimmed(last).components(separatedBy: " | ").compactMap { part -> Infotext.Pair? in
      guard let colon = part.range(of: ": ") else { return nil }
      let key = trimmed(String(part[..<colon.lowerBound]))
      return Infotext.isKey(key) ? (key, trimmed(String(part[colon.upperBound...]))) : nil
    }
    guard pairs.count >= Infotext.minimumPairs else { return false }
    lines[lines.count - 1] = Infotext(prompt: "", pairs: pairs).text
    return true
  }
}
