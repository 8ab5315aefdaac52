import Foundation
import Imaging
import Terminal
import Testing

/// What the sequences show, read back.
@Suite struct TerminalPictureTests {
  /// Edges, gradients and noise, so that a shift or a swapped channel shows.
  private static func picture(_ width: Int, _ height: Int) -> Image {
    var state: UInt32 = 7
    var pixels: [UInt8] = []
    for y in 0..<height {
      for x in 0..<width {
        state = state &* 1_664_525 &+ 1_013_904_223
        let noise = UInt8(state >> 27)
        pixels += [
          UInt8(x * 255 / width), UInt8(y * 255 / height),
          (x / 8 + y / 8).isMultiple(of: 2) ? 224 + noise : noise,
        ]
      }
    }
    return Image(width: width, height: height, pixels: pixels)
  }

  private static let room = TerminalPicture.Cells(columns: 60, rows: 20)

  private func text(
    _ image: Image, _ kind: PictureProtocol, isInsideTmux: Bool = false, depth: ColorDepth = .trueColor
  )
    throws -> String
  {
    try TerminalPicture.text(
      image, by: kind, in: Self.room, on: PictureSupport(depth: depth, isInsideTmux: isInsideTmux))
  }

  /// The sequences that tmux would pass on, unwrapped, and what it would draw itself.
  private func throughTmux(_ text: String) throws -> (passed: String, drawn: String) {
    var (passed, drawn) = ("", "")
    var rest = text[...]
    while let start = rest.range(of: "\u{1B}Ptmux;") {
      drawn += rest[..<start.lowerBound]
      var body = ""
      var position = start.upperBound
      // A doubled escape stands for one; a single one ends the sequence.
      while true {
        let next = try #require(rest[position...].firstIndex(of: "\u{1B}"))
        body += rest[position..<next]
        let after = rest.index(after: next)
        if rest[after] == "\u{1B}" {
          body += "\u{1B}"
          position = rest.index(after: after)
        } else {
          #expect(rest[after] == "\\")
          rest = rest[rest.index(after: after)...]
          break
        }
      }
      #expect(body.utf8.count < 1_000_000, "tmux passes no more at once")
      passed += body
    }
    return (passed, drawn + rest)
  }

  /// The PNG that kitty's sequences carry, and the keys of the first.
  private func kittyPNG(_ text: String) throws -> (png: Data, keys: [String: String]) {
    var digits = ""
    var keys: [String: String] = [:]
    var rest = text[...]
    var isDone = false
    while let start = rest.range(of: "\u{1B}_G") {
      let end = try #require(rest[start.upperBound...].range(of: "\u{1B}\\"))
      let body = rest[start.upperBound..<end.lowerBound].split(separator: ";", maxSplits: 1)
      let pairs = body[0].split(separator: ",").map { $0.split(separator: "=").map(String.init) }
      let found = Dictionary(uniqueKeysWithValues: pairs.map { ($0[0], $0[1]) })
      if digits.isEmpty { keys = found }
      #expect(!isDone && body[1].utf8.count <= 4096)
      isDone = found["m"] == "0"
      digits += body[1]
      rest = rest[end.upperBound...]
    }
    #expect(isDone, "the last piece says that it is")
    return (try #require(Data(base64Encoded: digits)), keys)
  }

  @Test(
    "kitty's protocol carries the picture bit by bit, in a room of the picture's shape",
    arguments: [false, true])
  func kitty(isInsideTmux: Bool) throws {
    let image = Self.picture(200, 100)
    let text = try text(image, .kitty, isInsideTmux: isInsideTmux)
    let (sequences, drawn) = isInsideTmux ? try throughTmux(text) : (text, "")
    let (png, keys) = try kittyPNG(sequences)
    #expect(try PNG.decode(png, named: "kitty").image == image)
    #expect(keys["f"] == "100" && keys["a"] == "T" && keys["q"] == "2")
    // 60 columns of 10 pixels, and half as high: 300 pixels are 15 rows of 20.
    #expect(keys["c"] == "60" && keys["r"] == "15")
    guard isInsideTmux else { return }
    // Behind text: one line a row, as many placeholders as columns, numbered by marks, in the colour of the id.
    let lines = drawn.split(separator: "\n")
    #expect(lines.count == 15 && keys["U"] == "1")
    let id = try #require(keys["i"].flatMap { UInt32($0) })
    for line in lines {
      #expect(line.unicodeScalars.count { $0.value == 0x10EEEE } == 60)
      #expect(line.hasPrefix("\u{1B}[38;2;\(id >> 16 & 255);\(id >> 8 & 255);\(id & 255)m"))
    }
    #expect(lines[0].unicodeScalars.filter { $0.value == 0x305 }.count == 2)
    #expect(lines[14].unicodeScalars.contains { $0.value == 0x352 })
  }

  @Test("iTerm2's protocol carries the picture bit by bit", arguments: [false, true])
  func iterm2(isInsideTmux: Bool) throws {
    let image = Self.picture(500, 400)
    let text = try text(image, .iterm2, isInsideTmux: isInsideTmux)
    let sequences = isInsideTmux ? try throughTmux(text).passed : text
    let prefix = "\u{1B}]1337;"
    let parts = sequences.components(separatedBy: prefix).dropFirst().map { $0.prefix { $0 != "\u{07}" } }
    let digits: Substring
    if isInsideTmux {
      #expect(parts.first?.hasPrefix("MultipartFile=inline=1;") == true && parts.last == "FileEnd")
      digits = Substring(parts.dropFirst().dropLast().map { $0.dropFirst("FilePart=".count) }.joined())
    } else {
      #expect(parts.count == 1 && parts[0].hasPrefix("File=inline=1;"))
      digits = try #require(parts[0].split(separator: ":").last)
    }
    let png = try #require(Data(base64Encoded: String(digits)))
    #expect(try PNG.decode(png, named: "iterm2").image == image)
    #expect(parts[0].contains("size=\(png.count);"))
  }

  /// The pixels of half blocks.
  private func pixels(ofBlocks text: String) -> Image? {
    var rows: [[UInt8]] = []
    for line in text.split(separator: "\n") {
      var (upper, lower): ([UInt8], [UInt8]) = ([], [])
      var colors: [String: [UInt8]] = [:]
      var rest = line[...]
      while let first = rest.first {
        if first == "▀" {
          upper += colors["38"] ?? []
          lower += colors["48"] ?? []
          rest = rest.dropFirst()
          continue
        }
        guard first == "\u{1B}", let end = rest.firstIndex(of: "m") else { return nil }
        let numbers = rest[rest.index(rest.startIndex, offsetBy: 2)..<end].split(separator: ";").map(
          String.init)
        if numbers.count == 5 { colors[numbers[0]] = numbers[2...].compactMap { UInt8($0) } }
        rest = rest[rest.index(after: end)...]
      }
      rows += [upper, lower]
    }
    guard let width = rows.first.map({ $0.count / 3 }), rows.allSatisfy({ $0.count == 3 * width }) else {
      return nil
    }
    return Image(width: width, height: rows.count, pixels: rows.flatMap { $0 })
  }

  @Test("half blocks show each pixel of the picture as it fits")
  func halfBlocks() throws {
    let small = Self.picture(40, 30)
    #expect(pixels(ofBlocks: try text(small, .blocks)) == small)
    // 20 rows are 40 pixels high.
    let large = Self.picture(400, 200)
    #expect(pixels(ofBlocks: try text(large, .blocks)) == large.resized(width: 60, height: 30))
  }

  @Test("Half blocks of 256 colours have the nearest ones")
  func palette() throws {
    let image = Image(width: 2, height: 2, pixels: [255, 0, 0, 95, 135, 175, 8, 8, 8, 250, 250, 250])
    let text = try text(image, .blocks, depth: .palette256)
    #expect(text.contains("38;5;196") && text.contains("38;5;67") && text.contains("48;5;232"))
  }

  /// The pixels of a sixel sequence.
  private func pixels(ofSixel text: String) throws -> Image {
    let start = try #require(text.range(of: "q\""))
    var bytes = Array(text[start.upperBound...].utf8)[...]
    func number() -> Int {
      let digits = bytes.prefix { (48...57).contains($0) }
      bytes = bytes.dropFirst(digits.count)
      return Int(String(decoding: digits, as: UTF8.self)) ?? -1
    }
    func numbers() -> [Int] {
      var found = [number()]
      while bytes.first == UInt8(ascii: ";") {
        bytes = bytes.dropFirst()
        found.append(number())
      }
      return found
    }
    let raster = numbers()
    let (width, height) = (raster[2], raster[3])
    var pixels = [UInt8](repeating: 0, count: width * height * 3)
    var palette: [Int: [Int]] = [:]
    var (x, top, color) = (0, 0, 0)
    while let byte = bytes.popFirst(), byte != 0x1B {
      switch byte {
      case UInt8(ascii: "#"):
        let found = numbers()
        color = found[0]
        if found.count == 5 { palette[color] = found[2...].map { $0 } }
      case UInt8(ascii: "$"): x = 0
      case UInt8(ascii: "-"): (x, top) = (0, top + 6)
      case UInt8(ascii: "!"), 63...126:
        var (count, bits) = (1, byte)
        if byte == UInt8(ascii: "!") {
          count = number()
          bits = bytes.popFirst() ?? 63
        }
        let rgb = try #require(palette[color])
        for column in x..<x + count {
          for row in 0..<6 where (bits - 63) >> UInt8(row) & 1 == 1 {
            for c in 0..<3 {
              pixels[((top + row) * width + column) * 3 + c] = UInt8((rgb[c] * 255 + 50) / 100)
            }
          }
        }
        x += count
      default: break
      }
    }
    return Image(width: width, height: height, pixels: pixels)
  }

  @Test("sixel shows the picture in colours that fit it")
  func sixel() throws {
    let image = Self.picture(120, 81)
    let found = try pixels(ofSixel: try text(image, .sixel))
    let expected = image.resized(width: found.width, height: found.height)
    let difference = try #require(ImageDifference(found, expected))
    // 255 colours for some thousands: measured 27.4 dB.
    #expect(difference.psnr > 25, "\(difference.psnr) dB")
    // Few colours come through but for the format's percents, half of one being 1.3 of 255.
    var pixels: [UInt8] = []
    for y in 0..<12 { for x in 0..<60 { pixels += [x < 30 ? 200 : 10, 90, y < 6 ? 0 : 255] } }
    let flat = Image(width: 60, height: 12, pixels: pixels)
    let flatFound = try self.pixels(ofSixel: try text(flat, .sixel))
    let flatExpected = flat.resized(width: flatFound.width, height: flatFound.height)
    let flatDifference = try #require(ImageDifference(flatFound, flatExpected))
    #expect(flatDifference.largest <= 2)
  }

  @Test("What a terminal answers decides, and keys typed meanwhile come back")
  func answers() {
    func support(_ answer: String) -> (best: PictureProtocol, rest: String, cell: Int) {
      var support = PictureSupport(depth: .trueColor, isInsideTmux: false)
      let rest = support.read(Array(answer.utf8))
      return (support.best, String(decoding: rest, as: UTF8.self), support.cellHeight)
    }
    #expect(support("\u{1B}[?62;22c") == (.blocks, "", 20))
    #expect(support("\u{1B}[?62;4;22c") == (.sixel, "", 20))
    #expect(support("\u{1B}P>|iTerm2 3.5.0\u{1B}\\\u{1B}[6;34;16t\u{1B}[?62;4c") == (.iterm2, "", 34))
    #expect(support("\u{1B}_Gi=31;OK\u{1B}\\\u{1B}P>|kitty(0.32.0)\u{1B}\\\u{1B}[?62c") == (.kitty, "", 20))
    #expect(support("\u{1B}_Gi=31;ENOTSUP\u{1B}\\\u{1B}[?62c") == (.blocks, "", 20))
    #expect(support("he\u{1B}[?62clp\r\u{1B}[A") == (.blocks, "help\r\u{1B}[A", 20))
    #expect(support("\u{1B}").rest == "\u{1B}" && support("\u{1B}[").rest == "\u{1B}[")
    #expect(PictureSupport.isComplete(Array("x\u{1B}[?1;2c".utf8)))
    #expect(!PictureSupport.isComplete(Array("\u{1B}[A\u{1B}P>|x\u{1B}\\".utf8)))
  }

  @Test("A multiplexer is not asked what it would take for a title")
  func query() {
    #expect(PictureSupport.query(environment: ["TERM": "xterm-256color"]).contains("\u{1B}_G"))
    for environment in [
      ["TERM": "tmux-256color"], ["TERM": "screen"], ["TERM": "xterm", "TMUX": "/tmp/tmux-0/default"],
    ] {
      #expect(!PictureSupport.query(environment: environment).contains("\u{1B}_G"))
    }
  }

  @Test("Resizing keeps the mean of what a pixel covers")
  func resizing() {
    let image = Image(width: 4, height: 2, pixels: (0..<8).flatMap { [UInt8($0 * 10), 0, 255] })
    let half = image.resized(width: 2, height: 1)
    // Means of pixels 0, 1, 4, 5 and of 2, 3, 6, 7.
    #expect(half.pixels == [25, 0, 255, 45, 0, 255])
    #expect(image.resized(width: 8, height: 4).resized(width: 4, height: 2) == image)
  }
}
