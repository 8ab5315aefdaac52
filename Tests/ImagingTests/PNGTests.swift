import Base
import Foundation
import Imaging
import RandomNumbers
import Testing

@Suite("PNG writing")
struct PNGTests {
  static func picture(_ width: Int, _ height: Int, seed: UInt64 = 1) -> Image {
    var random = SplitMix64(seed: seed)
    return Image(
      width: width, height: height,
      pixels: (0..<width * height * 3).map { _ in UInt8(truncatingIfNeeded: random.next()) })
  }

  static func scalars(_ texts: [PNG.Text]) -> [[[Unicode.Scalar]]] {
    texts.map { [Array($0.keyword.unicodeScalars), Array($0.text.unicodeScalars)] }
  }

  /// The kinds and bodies of a file's chunks.
  static func chunks(_ data: Data) -> [(kind: String, body: [UInt8])] {
    let bytes = [UInt8](data)
    var chunks: [(kind: String, body: [UInt8])] = []
    var position = 8
    while position + 12 <= bytes.count {
      let length = bytes[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
      let kind = String(decoding: bytes[position + 4..<position + 8], as: UTF8.self)
      chunks.append((kind, Array(bytes[position + 8..<position + 8 + length])))
      position += 12 + length
    }
    return chunks
  }

  @Test(
    "A picture and its texts come back unchanged",
    arguments: [(1, 1), (7, 5), (1, 300), (300, 1), (64, 64), (128, 96), (1024, 640)])
  func roundTrip(width: Int, height: Int) throws {
    let texts: [PNG.Text] = [
      ("parameters", "a fox\nSteps: 20, Sampler: Euler"), ("Schlüssel", "café \u{A0}\u{FF}"),
      ("parameters", "eine 狐 und ein 🦊, e\u{301}"), ("empty", ""), ("Latin-1 that is UTF-8 too", "fÃ¼r"),
      ("long", String(repeating: "ab狐", count: 50_000)),
    ]
    let image = Self.picture(width, height)
    let scratch = try Scratch()
    try PNG.write(image, text: texts, to: scratch.file("a.png"))
    let read = try PNG.read(path: scratch.file("a.png"))
    #expect(read.image == image)
    #expect(Self.scalars(read.text) == Self.scalars(texts))
    #expect(Self.scalars(try PNG.readText(path: scratch.file("a.png"))) == Self.scalars(texts))
    #expect(scratch.contents == ["a.png"])
  }

  @Test("A picture without texts has none")
  func noTexts() throws {
    let data = try PNG.encode(Self.picture(3, 2))
    #expect(Self.chunks(data).map(\.kind) == ["IHDR", "IDAT", "IEND"])
    #expect(try PNG.decode(data, named: "x").text.isEmpty)
  }

  @Test("The file is 8-bit RGB without interlacing")
  func header() throws {
    let chunk = try #require(Self.chunks(try PNG.encode(Self.picture(300, 2))).first)
    #expect(chunk.kind == "IHDR")
    #expect(chunk.body == [0, 0, 1, 44, 0, 0, 0, 2, 8, 2, 0, 0, 0])
  }

  @Test("Latin-1 texts are tEXt, others uncompressed iTXt in UTF-8, in order and before the pixels")
  func chunkKinds() throws {
    let data = try PNG.encode(
      Self.picture(3, 2), text: [("parameters", "café\nÿ"), ("Titel", "狐"), ("prompt", "{}")])
    let chunks = Self.chunks(data)
    #expect(chunks.map(\.kind) == ["IHDR", "tEXt", "iTXt", "tEXt", "IDAT", "IEND"])
    #expect(chunks[1].body == Array("parameters".utf8) + [0, 0x63, 0x61, 0x66, 0xE9, 0x0A, 0xFF])
    // Keyword, compression flag and method, language, translated keyword, text.
    #expect(chunks[2].body == Array("Titel".utf8) + [0, 0, 0, 0, 0] + Array("狐".utf8))
    #expect(chunks[3].body == Array("prompt\0{}".utf8))
  }

  @Test("The same picture gives the same bytes")
  func deterministic() throws {
    let text: [PNG.Text] = [("a", "b")]
    #expect(try PNG.encode(Self.picture(33, 21), text: text) == PNG.encode(Self.picture(33, 21), text: text))
  }

  @Test(
    "A keyword that PNG does not allow is refused",
    arguments: [
      "", String(repeating: "k", count: 80), " a", "a ", "a  b", "a\nb", "a\0", "狐", "\u{7F}", "\u{A0}",
      "\u{9F}",
    ])
  func badKeyword(keyword: String) throws {
    let error = #expect(throws: Diagnostic.self) {
      _ = try PNG.encode(Self.picture(2, 2), text: [("fine", ""), (keyword, "x")])
    }
    #expect(error?.kind == .value)
    #expect(error?.place == "PNG keyword")
  }

  @Test(
    "Keywords at the edge of what is allowed are kept",
    arguments: ["k", "a b", "¡ÿ", String(repeating: "k", count: 79)])
  func goodKeyword(keyword: String) throws {
    let data = try PNG.encode(Self.picture(2, 2), text: [(keyword, "x")])
    #expect(try PNG.decode(data, named: "x").text.map(\.keyword) == [keyword])
  }

  @Test("A NUL character in a text is refused", arguments: ["a\0b", "狐\0"])
  func nulCharacter(text: String) {
    let error = #expect(throws: Diagnostic.self) {
      _ = try PNG.encode(Self.picture(2, 2), text: [("k", text)])
    }
    #expect(error?.place == "PNG text k")
  }

  @Test(
    "A picture beyond the largest side is refused and the largest side itself is not",
    arguments: [16384, 16385])
  func largestSide(side: Int) throws {
    let image = Image(width: side, height: 1, pixels: [UInt8](repeating: 7, count: side * 3))
    if side <= PNG.maximumSide {
      #expect(try PNG.decode(PNG.encode(image), named: "x").image == image)
    } else {
      let error = #expect(throws: Diagnostic.self) { _ = try PNG.encode(image) }
      #expect(error?.message.contains("found 16385x1") == true)
    }
  }

  @Test(
    "Nothing is left behind where the folder is missing or is a file",
    arguments: ["missing/a.png", "plain/a.png"])
  func unwritable(name: String) throws {
    let scratch = try Scratch()
    try Data("x".utf8).write(to: URL(fileURLWithPath: scratch.file("plain")))
    let error = #expect(throws: Diagnostic.self) {
      try PNG.write(Self.picture(2, 2), to: scratch.file(name))
    }
    #expect(error?.kind == .file)
    #expect(error?.place == scratch.file(name))
    #expect(scratch.contents == ["plain"])
  }

  @Test(
    "Nothing is left behind in a folder one may not write to",
    .enabled(if: geteuid() != 0, "root may write anywhere"))
  func forbidden() throws {
    let scratch = try Scratch()
    chmod(scratch.path, 0o555)
    defer { chmod(scratch.path, 0o755) }
    let error = #expect(throws: Diagnostic.self) {
      try PNG.write(Self.picture(2, 2), to: scratch.file("a.png"))
    }
    #expect(error?.kind == .file)
    #expect(scratch.contents.isEmpty)
  }

  @Test("A refused picture leaves the older file as it was")
  func olderFile() throws {
    let scratch = try Scratch()
    try PNG.write(Self.picture(4, 4, seed: 1), to: scratch.file("a.png"))
    #expect(throws: Diagnostic.self) {
      try PNG.write(Self.picture(4, 4, seed: 2), text: [("", "")], to: scratch.file("a.png"))
    }
    #expect(try PNG.read(path: scratch.file("a.png")).image == Self.picture(4, 4, seed: 1))
    try PNG.write(Self.picture(4, 4, seed: 2), to: scratch.file("a.png"))
    #expect(try PNG.read(path: scratch.file("a.png")).image == Self.picture(4, 4, seed: 2))
    #expect(scratch.contents == ["a.png"])
  }
}
