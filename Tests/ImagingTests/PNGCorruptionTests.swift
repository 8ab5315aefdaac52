import Base
import Foundation
import Imaging
import RandomNumbers
import Testing

@Suite("PNG corruption")
struct PNGCorruptionTests {
  /// A written file with texts before its pixels, and fixtures of other shapes.
  static func files() throws -> [(name: String, data: Data)] {
    let text: [PNG.Text] = [("parameters", "a fox\nSteps: 20"), ("Titel", "狐")]
    var files = [("written", try PNG.encode(PNGTests.picture(64, 48), text: text))]
    for name in ["texts", "texts-after", "interlaced-rgba8", "palette-transparent", "gray-alpha16"] {
      files.append((name, Data(try Golden.bytes("png/\(name).png"))))
    }
    return files
  }

  @Test("A file cut off anywhere is refused with its name")
  func truncated() throws {
    for (name, data) in try Self.files() {
      // Every 97th length of the large file, every length of the small ones and of the large one's ends.
      let lengths = Set(stride(from: 0, to: data.count, by: name == "written" ? 97 : 1))
        .union(0..<min(200, data.count)).union(data.count - 40..<data.count)
      for length in lengths {
        let error = #expect(throws: Diagnostic.self, "\(name) cut to \(length) of \(data.count) bytes") {
          _ = try PNG.decode(data.prefix(length), named: name)
        }
        #expect(error?.kind == .file)
        #expect(error?.place == name)
        #expect(error?.message.hasSuffix("out of memory") == false)
      }
    }
  }

  @Test("A file with changed bytes is refused with its name or read, and never crashes")
  func flipped() throws {
    var random = SplitMix64(seed: 7)
    var refused = 0
    var read = 0
    for (name, data) in try Self.files() {
      for position in stride(from: 0, to: data.count, by: name == "written" ? 7 : 1) {
        var copy = data
        copy[position] ^= UInt8.random(in: 1...255, using: &random)
        if random.next() % 4 == 0 { copy[Int.random(in: 0..<data.count, using: &random)] ^= 0x80 }
        do {
          let picture = try PNG.decode(copy, named: name)
          #expect(picture.image.pixels.count == picture.image.width * picture.image.height * 3)
          read += 1
        } catch let error as Diagnostic {
          #expect(error.kind == .file)
          #expect(error.place == name)
          refused += 1
        }
      }
    }
    // Damaged pixels and headers are refused, damaged texts are dropped: both happen.
    #expect(refused > 1000)
    #expect(read > 100)
  }
}
