import Base
import Foundation
import Imaging

/// The texts of a picture by their keywords.
struct PictureTexts {
  /// The picture's path, as errors name it.
  let path: String
  private let texts: [PNG.Text]

  init(_ texts: [PNG.Text], at path: String) {
    (self.texts, self.path) = (texts, path)
  }

  /// The last text with this keyword.
  subscript(_ keyword: String) -> String? { texts.last { $0.keyword == keyword }?.text }

  /// A text's JSON object; empty where it is another value. Throws a `Diagnostic` of kind `.file` where it is no JSON.
  func fields(_ keyword: String) throws -> [String: JSONValue] {
    try JSONValue(keepingDigitsOf: self[keyword] ?? "", at: path).fields ?? [:]
  }

  /// A text's JSON value; nil where it is no JSON.
  func json(_ keyword: String) -> JSONValue? {
    self[keyword].flatMap { try? JSONValue(keepingDigitsOf: $0, at: path) }
  }

  /// The error for a picture in which no program's settings were found.
  var fault: Diagnostic {
    let keywords = texts.map(\.keyword.escapingInvisibles)
    let found = texts.isEmpty ? "no text in it" : "texts " + NearestNames.list(keywords, "and")
    let writer = self["Software"].map { ", written by \($0.prefix(60))".escapingInvisibles } ?? ""
    return Diagnostic(
      .file, at: path, "expected a picture that carries settings, found \(found)\(writer)",
      hint: "most programs write them, but messengers and picture editors take them out")
  }
}
