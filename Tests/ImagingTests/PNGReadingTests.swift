import Base
import Foundation
import Imaging
import Testing

@Suite("PNG reading")
struct PNGReadingTests {
  static let names = [
    "rgb8", "rgba8", "gray8", "gray-alpha8", "gray1", "gray2", "gray4", "gray16", "gray-alpha16", "rgb16",
    "rgba16",
    "palette8", "palette4", "palette1", "palette-transparent", "rgb-transparent", "one-pixel",
    "interlaced-rgb8",
    "interlaced-rgba8", "interlaced-gray1", "interlaced-gray4", "interlaced-narrow", "interlaced-rgb16",
    "texts",
    "texts-after",
  ]

  @Test("Every fixture is in the table")
  func allNames() throws {
    guard case .object(let fields) = try Golden.json("png/goldens.json") else {
      Issue.record("goldens.json is no object")
      return
    }
    #expect(fields.keys.sorted() == Self.names.sorted())
  }

  @Test("Colours, depths, interlacing and texts are read as Pillow reads them", arguments: names)
  func matchesPillow(name: String) throws {
    let read = try PNG.read(path: Golden.path("png/\(name).png"))
    guard case .object(let fields) = try Golden.json("png/goldens.json"), let golden = fields[name] else {
      Issue.record("no golden for \(name)")
      return
    }
    let texts = read.text.map { JSONValue.array([.string($0.keyword), .string($0.text)]) }
    #expect(
      golden
        == .object([
          "width": .integer(read.image.width), "height": .integer(read.image.height), "text": .array(texts),
        ]))
    #expect(read.image.pixels == (try Golden.bytes("png/\(name).rgb")))
    let alone = try PNG.readText(path: Golden.path("png/\(name).png"))
    #expect(PNGTests.scalars(alone) == PNGTests.scalars(read.text))
  }

  @Test("A file that is missing, a folder, a device or no PNG is named in the error")
  func notAPicture() throws {
    let scratch = try Scratch()
    try Data().write(to: URL(fileURLWithPath: scratch.file("empty.png")))
    try Data("P6 1 1 255 abc".utf8).write(to: URL(fileURLWithPath: scratch.file("text.png")))
    mkfifo(scratch.file("pipe"), 0o600)
    for path in [
      scratch.file("none.png"), scratch.path, "/dev/zero", scratch.file("pipe"), scratch.file("empty.png"),
      scratch.file("text.png"),
    ] {
      for error in [
        #expect(throws: Diagnostic.self) { _ = try PNG.read(path: path) },
        #expect(throws: Diagnostic.self) { _ = try PNG.readText(path: path) },
      ] {
        #expect(error?.kind == .file)
        #expect(error?.place == path)
      }
    }
  }

  @Test(
    "Texts are read from a picture whose pixels or end are damaged, and what follows its end is no part of it"
  )
  func damagedPixels() throws {
    let texts: [PNG.Text] = [("parameters", "a fox"), ("Titel", "狐")]
    let data = try PNG.encode(PNGTests.picture(64, 48), text: texts)
    let plain = try PNG.encode(PNGTests.picture(64, 48))
    let start = data.range(of: Data("IDAT".utf8))?.lowerBound ?? 0
    try #require(start > 0)
    var broken = data
    for offset in 20..<40 { broken[start + offset] ^= 0x5A }
    let text = chunk("tEXt", Array("parameters\0a fox".utf8))
    let files: [(Data, [PNG.Text])] = [
      (broken, texts), (data.prefix(start + 100), texts), (data.dropLast(12), texts),
      (data + chunk("tEXt", Array("more\0no part".utf8)), texts), (plain.dropLast(12) + text, [texts[0]]),
      (plain.dropLast(12) + text + text.dropLast(), [texts[0]]),
    ]
    for (file, wanted) in files {
      #expect(PNGTests.scalars(try PNG.texts(in: file, named: "x")) == PNGTests.scalars(wanted))
    }
    // Without any text, that the file is damaged is what there is to say.
    let error = #expect(throws: Diagnostic.self) { _ = try PNG.texts(in: plain.dropLast(20), named: "x") }
    #expect(error?.message.contains("ends too early") == true)
    #expect(try PNG.texts(in: plain, named: "x").isEmpty)
  }

  @Test("A tEXt chunk is Latin-1, unless its bytes are UTF-8")
  func textEncoding() throws {
    let data = try PNG.encode(PNGTests.picture(4, 4))
    let chunks = [[0x66, 0xFC, 0x72], Array("für 狐".utf8), [0xC3, 0x28], [0xF0, 0x9F, 0xA6]].map {
      chunk("tEXt", Array("k\0".utf8) + $0)
    }
    let file = data[..<33] + chunks.reduce(Data(), +) + data[33...]
    #expect(try PNG.texts(in: file, named: "x").map(\.text) == ["für", "für 狐", "Ã(", "ð\u{9F}¦"])
  }

  @Test(
    "A header that claims too many pixels is refused before memory is taken",
    arguments: [0, 16385, 0x7FFF_FFFF])
  func tooLarge(side: Int) throws {
    var data = try PNG.encode(PNGTests.picture(4, 4))
    for (offset, shift) in zip(16..<20, [24, 16, 8, 0]) { data[offset] = UInt8(side >> shift & 255) }
    let checksum = crc32(data[12..<29])
    for (offset, shift) in zip(29..<33, [24, 16, 8, 0] as [UInt32]) {
      data[offset] = UInt8(checksum >> shift & 255)
    }
    let error = #expect(throws: Diagnostic.self) { _ = try PNG.decode(data, named: "big.png") }
    #expect(error?.place == "big.png")
    #expect(error?.message.contains("Image width") == true)
  }

  @Test(
    "A text that inflates beyond 8 MiB is left out, and the picture is still read",
    arguments: [(1, true), (30_000, true), (40_000, false), (400_000, false)])
  func inflatedText(runs: Int, isKept: Bool) throws {
    let data = try PNG.encode(PNGTests.picture(4, 4))
    // One letter over and over, deflated by hand: a run of 258 takes 13 bits.
    var stream = FixedHuffman()
    stream.literal(UInt8(ascii: "a"))
    for _ in 0..<runs { stream.repeatLast258() }
    let count = 1 + 258 * runs
    // Adler-32 (RFC 1950) of `count` letters of code 97.
    let adler = ((count + 97 * (count * (count + 1) / 2)) % 65521) << 16 | (1 + 97 * count) % 65521
    let body = Array("large".utf8) + [0, 0, 0x78, 0x01] + stream.finished() + bigEndian(UInt32(adler))
    var file = Data(data[..<33])
    file.append(chunk("tEXt", Array("small\0kept".utf8)))
    file.append(chunk("zTXt", body))
    file.append(data[33...])
    let read = try PNG.decode(file, named: "x")
    #expect(read.image == PNGTests.picture(4, 4))
    #expect(read.text.map(\.keyword) == (isKept ? ["small", "large"] : ["small"]))
    let length = read.text.last?.text.utf8.count
    #expect(length == (isKept ? count : 4))
  }

  @Test("Of thousands of text chunks only the first few are kept")
  func manyTexts() throws {
    let data = try PNG.encode(PNGTests.picture(4, 4))
    var file = Data(data[..<33])
    for index in 0..<5000 { file.append(chunk("tEXt", Array("k\(index)\0v".utf8))) }
    file.append(data[33...])
    let read = try PNG.decode(file, named: "x")
    #expect(read.image == PNGTests.picture(4, 4))
    #expect((10...32).contains(read.text.count))
    #expect(read.text.first?.keyword == "k0")
  }

  private func chunk(_ kind: String, _ body: [UInt8]) -> Data {
    let tagged = Data(Array(kind.utf8) + body)
    return Data(bigEndian(UInt32(body.count))) + tagged + Data(bigEndian(crc32(tagged)))
  }

  private func bigEndian(_ value: UInt32) -> [UInt8] { [24, 16, 8, 0].map { UInt8(value >> $0 & 255) } }

  /// PNG's checksum, as its specification gives it.
  private func crc32(_ data: Data) -> UInt32 {
    ~data.reduce(~UInt32(0)) { crc, byte in
      (0..<8).reduce(crc ^ UInt32(byte)) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ value >> 1 : value >> 1
      }
    }
  }
}

/// A deflate stream of one block with the fixed codes of RFC 1951, enough for one letter and its repetitions.
private struct FixedHuffman {
  private var bytes: [UInt8] = []
  private var free = 0

  init() { append(0b011, count: 3) }

  mutating func literal(_ byte: UInt8) { append(reversed(0x30 + UInt32(byte), count: 8), count: 8) }

  /// Length code 285 (258 bytes, eight bits 11000101) and distance code 0 (one back, five bits).
  mutating func repeatLast258() {
    append(reversed(0b1100_0101, count: 8), count: 8)
    append(0, count: 5)
  }

  func finished() -> [UInt8] {
    var copy = self
    copy.append(0, count: 7)
    return copy.bytes
  }

  private mutating func append(_ value: UInt32, count: Int) {
    for bit in 0..<count {
      if free == 0 {
        bytes.append(0)
        free = 8
      }
      if value >> UInt32(bit) & 1 == 1 { bytes[bytes.count - 1] |= 1 << UInt8(8 - free) }
      free -= 1
    }
  }

  private func reversed(_ value: UInt32, count: Int) -> UInt32 {
    (0..<count).reduce(0) { $0 << 1 | value >> UInt32($1) & 1 }
  }
}
