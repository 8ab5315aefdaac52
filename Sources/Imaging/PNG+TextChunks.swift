import Base
import Foundation

extension PNG {
  /// What every PNG file begins with.
  static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  /// Where a walk over a file's chunks came to an end.
  enum ChunkEnd {
    /// The chunk IEND.
    case regular
    case truncated

    var fault: String? {
      switch self {
      case .regular: nil
      case .truncated: "the file ends too early"
      }
    }
  }

  /// The file's text chunks in a picture of one pixel, which libpng can read whatever state the file's pixels are in.
  ///
  /// A chunk is its body's length, its type, the body and a checksum, which libpng checks. What follows IEND is no part
  /// of the picture, and a chunk that the file's end cuts off is left out, as are those that libpng would not keep.
  static func textChunks(in data: Data) throws -> (picture: Data, end: ChunkEnd) {
    var picture = Data(signature + onePixelHeader)
    var position = data.startIndex + signature.count
    var end = ChunkEnd.truncated
    var (count, kept) = (0, 0)
    while data.endIndex - position >= 12 {
      count += 1
      if count % 65_536 == 0 { try InterruptFlag.check() }
      let length = data[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
      let type = data[position + 4..<position + 8]
      if type.elementsEqual("IEND".utf8) {
        end = .regular
        break
      }
      guard length <= data.endIndex - position - 12 else { break }
      let next = position + 12 + length
      if kept < mostTexts, length <= mostTextBytes, textTypes.contains(where: type.elementsEqual) {
        picture += data[position..<next]
        kept += 1
      }
      position = next
    }
    return (picture + emptyPixels, end)
  }

  /// libpng's limits as CLibPNG sets them: more and longer ones are not kept.
  private static let (mostTexts, mostTextBytes) = (32, 8 << 20)
  private static let textTypes = ["tEXt", "zTXt", "iTXt"].map { Array($0.utf8) }
  /// IHDR of 1x1 grey pixels of 8 bits, with its checksum.
  private static let onePixelHeader: [UInt8] =
    [0, 0, 0, 13] + Array("IHDR".utf8) + [0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0, 0x3A, 0x7E, 0x9B, 0x55]
  /// An IDAT without anything in it, where reading stops.
  private static let emptyPixels: [UInt8] = [0, 0, 0, 0] + Array("IDAT".utf8) + [0x35, 0xAF, 0x06, 0x1E]
}
