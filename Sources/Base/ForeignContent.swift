import Foundation

/// What a file really is, by its first bytes, for messages about files that are not what was asked for.
///
/// A download often leaves something else in a file's place: a web page, an error reply, a Git LFS pointer. And a
/// picture's extension often names another format than the picture has.
public enum ForeignContent {
  /// The content in words that finish the sentence "this is …", such as `a JPEG picture`; nil where it is none of the
  /// kinds known here.
  /// - Parameter bytes: the file or at least its beginning. At most the first 4 KiB are looked at, and of a short
  ///   JSON document the whole.
  public static func name(of bytes: UnsafeRawBufferPointer) -> String? {
    guard !bytes.isEmpty else { return "an empty file" }
    let head = UnsafeRawBufferPointer(rebasing: bytes.prefix(headBytes))
    // First, since its length may look like another format's signature.
    if isSafetensors(head) { return "a safetensors file" }
    if let signature = signatures.first(where: { $0.matches(head) }) { return signature.name }
    if head.starts(with: zipStart) { return zipName(head) }
    if head.allSatisfy({ $0 == 0 }) { return "a file of zeros" }
    return textName(of: bytes)
  }

  /// What lies in the place of a file of another kind, and what to do about it; nil where the bytes are none of the kinds
  /// known here.
  ///
  /// Throws nothing: the caller knows what it had asked for.
  /// - Parameter forms: what the wanted file may look like, which is then no mistake.
  public static func mistake(
    for bytes: UnsafeRawBufferPointer, at place: String, kind: Diagnostic.Kind, wanted: String,
    accepting forms: Set<Form> = []
  ) -> Diagnostic? {
    guard let name = name(of: bytes), name != wanted, Form(named: name).map(forms.contains) != true else {
      return nil
    }
    let remedies = [
      ("a Git LFS pointer", "git lfs pull fetches it, as does hf download"),
      ("a pickle", "convert it to safetensors first, with torch and safetensors.torch.save_file"),
      ("a GGUF", "fetch the safetensors of the same model"),
      ("a SQLite", "fetch the safetensors of the same model"),
    ]
    let remedy =
      remedies.first { name.hasPrefix($0.0) }?.1 ?? "fetch it again, and look at what was downloaded"
    return Diagnostic(kind, at: place, "this is \(name), not \(wanted)", hint: remedy)
  }

  /// What a text may be that is of no format known here.
  public enum Form: Sendable {
    case text
    /// One of a line, such as the hub's `Entry not found`.
    case shortText
    case json

    fileprivate init?(named name: String) {
      switch name {
      case textFile: self = .text
      case jsonDocument: self = .json
      default:
        guard name.hasPrefix(textFile + " that says") else { return nil }
        self = .shortText
      }
    }
  }

  private static let (textFile, jsonDocument) = ("a text file", "a JSON document")

  /// The same of bytes in memory.
  public static func name(of data: Data) -> String? { data.withUnsafeBytes { name(of: $0) } }

  private static let headBytes = 4096
  /// A JSON document of more bytes is not read for an error in it.
  private static let mostReplyBytes = 65_536

  /// Bytes that stand at a fixed place in every file of a format.
  private struct Signature {
    let name: String
    /// Where they stand, and the bytes.
    let parts: [(offset: Int, bytes: [UInt8])]

    init(_ name: String, _ text: String, at offset: Int = 0) {
      self.init(name, Array(text.utf8), at: offset)
    }

    init(_ name: String, _ bytes: [UInt8], at offset: Int = 0) {
      (self.name, parts) = (name, [(offset, bytes)])
    }

    /// A RIFF file or an ISO media file: a length stands before or between the words.
    init(_ name: String, _ parts: [(Int, String)]) {
      self.name = name
      self.parts = parts.map { ($0.0, Array($0.1.utf8)) }
    }

    func matches(_ head: UnsafeRawBufferPointer) -> Bool {
      parts.allSatisfy { head.dropFirst($0.offset).starts(with: $0.bytes) }
    }
  }

  private static let signatures = [
    Signature("a PNG picture", [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]),
    Signature("a JPEG picture", [0xFF, 0xD8, 0xFF]),
    Signature("a WebP picture", [(0, "RIFF"), (8, "WEBP")]),
    Signature("a WAV sound", [(0, "RIFF"), (8, "WAVE")]),
    Signature("an AVIF picture", [(4, "ftypavif")]),
    Signature("an AVIF picture", [(4, "ftypavis")]),
    Signature("a HEIC picture", [(4, "ftyphei")]),
    Signature("a HEIC picture", [(4, "ftypmif1")]),
    Signature("a film (MP4 or the like)", "ftyp", at: 4),
    Signature("a film (WebM or Matroska)", [0x1A, 0x45, 0xDF, 0xA3]),
    Signature("a JPEG XL picture", [0, 0, 0, 0x0C, 0x4A, 0x58, 0x4C, 0x20]),
    Signature("a JPEG XL picture", [0xFF, 0x0A]),
    Signature("a GIF picture", "GIF8"),
    Signature("a TIFF picture", [0x49, 0x49, 0x2A, 0]),
    Signature("a TIFF picture", [0x4D, 0x4D, 0, 0x2A]),
    Signature("a Photoshop picture", "8BPS"),
    Signature("a PDF document", "%PDF-"),
    Signature(
      "a Git LFS pointer (the file itself was not downloaded)", "version https://git-lfs.github.com/"),
    Signature("a GGUF file", "GGUF"),
    Signature("a SQLite file (Draw Things' models are such)", "SQLite format 3\0"),
    Signature("a numpy array", [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]),
    Signature("an HDF5 file", [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]),
    Signature("a gzip archive", [0x1F, 0x8B, 0x08]),
    Signature("an xz archive", [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0]),
    Signature("a zstd archive", [0x28, 0xB5, 0x2F, 0xFD]),
    Signature("a 7-Zip archive", [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C]),
    Signature("a RAR archive", "Rar!\u{1A}\u{7}"),
    Signature("a tar archive", "ustar", at: 257),
    Signature("a program (ELF)", [0x7F, 0x45, 0x4C, 0x46]),
    // A pickle's protocol and, in torch.save's old format, its magic number; else what a pickle can begin with.
    Signature("a pickled PyTorch file", [0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46]),
    Signature("a pickle", [0x80, 0x02]), Signature("a pickle", [0x80, 0x03]),
    Signature("a pickle", [0x80, 0x04, 0x95]), Signature("a pickle", [0x80, 0x05, 0x95]),
    Signature("a text file (UTF-16)", [0xFF, 0xFE]), Signature("a text file (UTF-16)", [0xFE, 0xFF]),
  ]

  private static let zipStart = Array("PK\u{3}\u{4}".utf8)

  /// torch.save writes a zip whose first member is `NAME/data.pkl`.
  private static func zipName(_ head: UnsafeRawBufferPointer) -> String {
    guard head.count >= 30 else { return "a zip archive" }
    let length = Int(head[26]) | Int(head[27]) << 8
    let member = String(decoding: head.dropFirst(30).prefix(length), as: UTF8.self)
    let isPickled =
      member.hasSuffix("data.pkl")
      || head.indices.dropLast(8).contains { start in
        head[start...].starts(with: "data.pkl".utf8)
      }
    return isPickled ? "a pickled PyTorch file" : "a zip archive"
  }

  /// A header's length in eight bytes, the most of them zero, and then JSON.
  private static func isSafetensors(_ head: UnsafeRawBufferPointer) -> Bool {
    head.count > 9 && head[5] == 0 && head[6] == 0 && head[7] == 0 && head[8] == UInt8(ascii: "{")
  }
}

extension ForeignContent {
  /// What a text is: a web page, JSON, or no more than a text; nil where the bytes are no UTF-8 text.
  private static func textName(of bytes: UnsafeRawBufferPointer) -> String? {
    guard let text = beginning(of: bytes) else { return nil }
    let start = text.drop { $0.isWhitespace || $0 == "\u{FEFF}" }
    let first = start.prefix(1024).lowercased()
    if ["<!doctype html", "<html", "<head", "<body"].contains(where: first.hasPrefix)
      || first.hasPrefix("<") && first.contains("<html")
    {
      return "a web page (HTML)"
    }
    if first.hasPrefix("<svg") || first.hasPrefix("<?xml") && first.contains("<svg") {
      return "an SVG drawing"
    }
    if first.hasPrefix("<?xml") { return "an XML document" }
    guard first.hasPrefix("{") || first.hasPrefix("[") else {
      // Such as the hub's `Entry not found`.
      let isShort = bytes.count <= 100 && !start.isEmpty
      return isShort ? "\(textFile) that says \"\(shortened(text))\"" : textFile
    }
    guard bytes.count <= mostReplyBytes else { return jsonDocument }
    guard let document = try? JSONValue(decoding: Data(bytes)) else { return textFile }
    return errorReply(in: document).map { "a JSON error reply: \($0)" } ?? jsonDocument
  }

  /// The first 4 KiB as text; nil where they are none, which a control character shows too.
  private static func beginning(of bytes: UnsafeRawBufferPointer) -> String? {
    var head = Array(bytes.prefix(headBytes))
    // A character may be cut in two at the end.
    if bytes.count > head.count {
      let whole = head.suffix(4).lastIndex { $0 & 0xC0 != 0x80 } ?? head.endIndex
      head.removeSubrange(whole...)
    }
    guard let text = String(validating: head, as: UTF8.self) else { return nil }
    let isText = text.unicodeScalars.allSatisfy { scalar in
      scalar.value >= 0x20 && scalar.value != 0x7F || "\t\n\r\u{C}\u{1B}".unicodeScalars.contains(scalar)
    }
    return isText ? text : nil
  }

  /// What a server's reply says went wrong, in one line: `{"error": "…"}` of the hub, `{"message": "…"}`, `{"detail": "…"}`.
  static func errorReply(in document: JSONValue) -> String? {
    guard case .object(let fields) = document, fields.count <= 8 else { return nil }
    for key in ["error", "message", "detail", "error_description"] {
      switch fields[key] {
      case .string(let text)?: return shortened(text)
      case .object(let inner)?:
        if case .string(let text)? = inner["message"] { return shortened(text) }
      default: break
      }
    }
    return nil
  }

  private static func shortened(_ text: String) -> String {
    let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ").escapingInvisibles
    return line.count <= 120 ? line : line.prefix(119) + "…"
  }
}
