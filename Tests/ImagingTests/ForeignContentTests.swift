import Base
import Foundation
import Testing

@Suite("Foreign content")
struct ForeignContentTests {
  static let kinds: [(bytes: [UInt8], name: String?)] = [
    ([], "an empty file"), ([0xFF, 0xD8, 0xFF, 0xE0], "a JPEG picture"),
    (Array("RIFF".utf8) + [4, 0, 0, 0] + Array("WEBPVP8 ".utf8), "a WebP picture"),
    ([0, 0, 0, 0x1C] + Array("ftypavif".utf8), "an AVIF picture"),
    ([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], "a PNG picture"),
    (Array("GIF89a".utf8), "a GIF picture"),
    (
      Array("version https://git-lfs.github.com/spec/v1\noid sha256:00\n".utf8),
      "a Git LFS pointer (the file itself was not downloaded)"
    ),
    (Array("\n <!doctype HTML>\n<html>".utf8), "a web page (HTML)"),
    (Array("<html lang=en>".utf8), "a web page (HTML)"),
    (Array("<?xml version=\"1.0\"?><x/>".utf8), "an XML document"),
    (
      Array("{\"error\":\"Invalid username or password.\"}".utf8),
      "a JSON error reply: Invalid username or password."
    ),
    (Array("{\"error\": {\"message\": \"a\\n b\"}}".utf8), "a JSON error reply: a b"),
    (Array("{\"in_channels\": 4}".utf8), "a JSON document"), (Array("[1, 2]".utf8), "a JSON document"),
    (Array("{this is not JSON}".utf8), "a text file"), (Array("für\n".utf8), "a text file that says \"für\""),
    ([0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20], "a pickled PyTorch file"),
    (
      Array("PK\u{3}\u{4}".utf8) + [UInt8](repeating: 0, count: 22) + [16, 0, 0, 0]
        + Array("archive/data.pkl".utf8),
      "a pickled PyTorch file"
    ),
    (Array("PK\u{3}\u{4}".utf8) + [UInt8](repeating: 0, count: 40), "a zip archive"),
    (Array("PK\u{3}\u{4}".utf8), "a zip archive"), (Array("GGUF\u{3}\0\0\0".utf8), "a GGUF file"),
    (Array("SQLite format 3\0".utf8), "a SQLite file (Draw Things' models are such)"),
    ([2, 0, 0, 0, 0, 0, 0, 0] + Array("{}".utf8), "a safetensors file"),
    ([UInt8](repeating: 0, count: 5000), "a file of zeros"), ([0xFF, 0xFE, 0x41, 0], "a text file (UTF-16)"),
    ([0x42, 0x01, 0x99, 0xC3, 0x28], nil), (Array("text\u{1}with a control".utf8), nil),
  ]

  @Test("Content is named by its first bytes", arguments: kinds)
  func names(bytes: [UInt8], name: String?) {
    #expect(ForeignContent.name(of: Data(bytes)) == name)
  }

  @Test("A long text is one, wherever its beginning is cut, and long JSON is not read")
  func long() {
    for shift in 0..<4 {
      let text = String(repeating: "a", count: shift) + String(repeating: "狐", count: 5000)
      #expect(ForeignContent.name(of: Data(text.utf8)) == "a text file")
    }
    let json = "{\"error\": \"\(String(repeating: "x", count: 70_000))\"}"
    #expect(ForeignContent.name(of: Data(json.utf8)) == "a JSON document")
    let reply = "{\"message\": \"\(String(repeating: "long ", count: 200))\u{1B}[31m\"}"
    #expect((ForeignContent.name(of: Data(reply.utf8)) ?? "").count < 150)
  }

  @Test("Any bytes are named, or not, without harm")
  func anything() {
    for first in UInt8.min...UInt8.max {
      for count in [1, 2, 5, 29, 31, 600] {
        _ = ForeignContent.name(of: Data([first] + [UInt8](repeating: first ^ 0x55, count: count - 1)))
        _ = ForeignContent.name(
          of: Data(Array("PK\u{3}\u{4}".utf8) + [UInt8](repeating: first, count: count)))
      }
    }
  }
}
