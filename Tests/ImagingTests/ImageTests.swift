import Foundation
import Imaging
import Testing

@Suite("Image")
struct ImageTests {
  @Test("Decoded values become the bytes that diffusers' VaeImageProcessor makes of them, ties included")
  func matchesDiffusers() throws {
    let bytes = try Golden.bytes("png/decoded.f32")
    let values = stride(from: 0, to: bytes.count, by: 4).map { start in
      Float(bitPattern: bytes[start..<start + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) })
    }
    let image = Image(width: 7, height: values.count / 21, decoded: values)
    #expect(values.count > 4000)
    #expect(image.pixels == (try Golden.bytes("png/decoded.rgb")))
  }

  @Test(
    "Values are clamped to -1...1, halves round to even, and NaN is black",
    arguments: [
      (-1, 0), (1, 255), (0, 128), (-1.001, 0), (1.001, 255), (-.infinity, 0), (.infinity, 255), (.nan, 0),
      (-.nan, 0), (-.greatestFiniteMagnitude, 0), (.greatestFiniteMagnitude, 255), (-0.0, 128),
      // In float32 these give exactly 126.5, 128.5, 200.5, 201.5, 253.5 and 254.5 (0 gives 127.5).
      (-0.007843138, 126), (0.007843138, 128), (0.572549, 200), (0.5803922, 202), (0.9882353, 254),
      (0.99607843, 254),
    ] as [(Float, UInt8)])
  func table(value: Float, byte: UInt8) {
    #expect(Image(width: 1, height: 1, decoded: [value, 0, 1]).pixels == [byte, 128, 255])
  }

  @Test("Rows and pixels keep the buffer's order")
  func order() {
    let bytes = (0..<30).map { UInt8($0 * 8) }
    let image = Image(width: 5, height: 2, decoded: bytes.map { Float($0) / 127.5 - 1 })
    #expect(image == Image(width: 5, height: 2, pixels: bytes))
  }
}
