import Base
import Foundation

/// One safetensors file, its header checked whole and its data left mapped.
///
/// Format: 8 bytes little-endian header length, a JSON object from tensor names to dtype, shape and data offsets, then
/// the data, which the tensors must fill without gap or overlap (https://github.com/huggingface/safetensors).
public struct SafetensorsFile: Sendable {
  /// A tensor's place in the file.
  public struct Entry: Hashable, Sendable {
    public let type: ElementType
    public let shape: [Int]
    /// Its bytes, counted from the start of the file.
    public let range: Range<Int>

    /// Whether it is a tensor of `shape`. A linear layer's weight may be stored as a 1x1 convolution's, [out, in, 1, 1].
    public func holds(_ shape: [Int]) -> Bool {
      self.shape == shape || (shape.count == 2 && self.shape == shape + [1, 1])
    }
  }

  public let place: String
  public let entries: [String: Entry]
  /// What `__metadata__` says, as text; values that are no strings, which the format does not allow, as JSON.
  public let metadata: [String: String]
  private let bytes: MappedBytes
  /// What keeps the data mapped.
  public var owner: AnyObject { bytes }
  /// Whether the data are pages of a file rather than part of the program.
  public var isMapped: Bool { bytes.isMapping }

  /// The longest header that the format allows.
  public static let maximumHeaderBytes = 100_000_000

  /// Reads and checks a header. Throws a `Diagnostic` of kind `.model` that lists everything wrong with it.
  public init(_ bytes: MappedBytes, at place: String) throws {
    self.bytes = bytes
    self.place = place
    let file = bytes.buffer
    let hint = "the file is cut off or damaged: fetch it again and compare its size with the publisher's"
    func foreign() -> Diagnostic? {
      ForeignContent.mistake(for: file, at: place, kind: .model, wanted: "a safetensors file")
    }
    guard file.count >= 8 else {
      throw foreign()
        ?? Diagnostic(
          .model, at: place, "it has \(file.count) bytes, too few for a safetensors file", hint: hint)
    }
    let length = UInt64(littleEndian: file.loadUnaligned(as: UInt64.self))
    let most = min(file.count - 8, Self.maximumHeaderBytes)
    guard length <= UInt64(most) else {
      throw foreign()
        ?? Diagnostic(
          .model, at: place,
          "its header would have \(length) bytes; in a file of \(file.count), at most \(most) are possible",
          hint: hint)
    }
    let dataStart = 8 + Int(length)
    let header: SafetensorsHeader
    do {
      header = try SafetensorsHeader(UnsafeRawBufferPointer(rebasing: file[8..<dataStart]))
    } catch let fault as SafetensorsHeader.Fault {
      throw Diagnostic(
        .model, at: place,
        "header: expected JSON that names tensors with dtype, shape and data_offsets, found \(fault.text)",
        hint: hint)
    }
    metadata = header.metadata
    let dataCount = file.count - dataStart
    var entries: [String: Entry] = [:]
    var faults: [String] = []
    // A file cut short is told in one line, not in one for each of the tensors beyond its end.
    let beyond = header.tensors.filter { $0.ends(beyond: dataCount) }
    let isCutShort = beyond.count > 3
    if isCutShort {
      let end = beyond.compactMap { $0.dataOffsets.last }.max() ?? 0
      faults.append(
        "the data: expected \(end) bytes, found \(dataCount): \(beyond.count) of \(header.tensors.count) tensors are cut off"
      )
    }
    entries.reserveCapacity(header.tensors.count)
    for tensor in header.tensors where !(isCutShort && tensor.ends(beyond: dataCount)) {
      do {
        entries[tensor.name] = try tensor.entry(dataStart: dataStart, dataCount: dataCount)
      } catch let fault as SafetensorsHeader.Fault {
        faults.append("\(SafetensorsHeader.shown(tensor.name)): \(fault.text)")
      }
    }
    if faults.isEmpty { faults = Self.gapsAndOverlaps(entries, dataStart: dataStart, end: file.count) }
    guard faults.isEmpty else {
      throw Diagnostic(.model, at: place, faults: faults.sorted(), most: 100, hint: hint)
    }
    self.entries = entries
  }

  /// Whether some of the data can no longer be read, because the file was truncated.
  public var isLost: Bool { bytes.isLost }

  /// The whole file, header and data.
  public var contents: UnsafeRawBufferPointer { bytes.buffer }

  /// The tensor's bytes, not necessarily aligned to its elements.
  public func bytes(of entry: Entry) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: bytes.buffer[entry.range])
  }

  private static func gapsAndOverlaps(_ entries: [String: Entry], dataStart: Int, end: Int) -> [String] {
    var faults: [String] = []
    var position = dataStart
    var previous = "the header"
    for (key, entry) in entries.sorted(by: {
      ($0.value.range.lowerBound, $0.value.range.upperBound, $0.key)
        < ($1.value.range.lowerBound, $1.value.range.upperBound, $1.key)
    }) {
      let name = SafetensorsHeader.shown(key)
      let begin = entry.range.lowerBound
      if begin < position {
        faults.append(
          "\(name): overlaps \(previous): begins at byte \(begin - dataStart), expected \(position - dataStart)"
        )
      } else if begin > position {
        faults.append(
          "\(name): leaves a gap after \(previous): begins at byte \(begin - dataStart), expected \(position - dataStart)"
        )
      }
      if entry.range.upperBound >= position { (position, previous) = (entry.range.upperBound, name) }
    }
    if position != end {
      faults.append("the data: expected \(position - dataStart) bytes, found \(end - dataStart)")
    }
    return faults
  }
}

extension SafetensorsHeader.Tensor {
  fileprivate func ends(beyond dataCount: Int) -> Bool {
    dataOffsets.count == 2 && dataOffsets[1] > dataCount
  }

  /// Its place in the file. Throws a `Fault` that says what is wrong with it.
  fileprivate func entry(dataStart: Int, dataCount: Int) throws -> SafetensorsFile.Entry {
    typealias Fault = SafetensorsHeader.Fault
    guard dataOffsets.count == 2, dataOffsets[0] >= 0, dataOffsets[0] <= dataOffsets[1],
      dataOffsets[1] <= dataCount
    else {
      throw Fault(
        text: "data_offsets: expected a range within 0...\(dataCount), found \(dataOffsets.prefix(8))")
    }
    guard shape.count <= Self.maximumRank else {
      throw Fault(text: "shape: expected at most \(Self.maximumRank) extents, found \(shape.count)")
    }
    let type = ElementType(named: dtype)
    var bitCount = type.bits ?? 1
    for extent in shape {
      let (product, overflow) = bitCount.multipliedReportingOverflow(by: extent)
      guard extent >= 0, !overflow else {
        throw Fault(text: "shape: expected extents that can be stored, found \(shape)")
      }
      bitCount = product
    }
    let found = dataOffsets[1] - dataOffsets[0]
    // Of a type that is newer than this program, the size of an element is not known.
    guard type.bits == nil || (bitCount % 8 == 0 && bitCount / 8 == found) else {
      throw Fault(
        text: bitCount % 8 == 0
          ? "expected \(bitCount / 8) bytes for \(dtype) of shape \(shape), found \(found)"
          : "\(dtype) of shape \(shape) takes \(bitCount) bits, which are no whole bytes")
    }
    return .init(
      type: type, shape: shape, range: (dataStart + dataOffsets[0])..<(dataStart + dataOffsets[1]))
  }

  /// What numpy and torch can hold.
  private static let maximumRank = 64
}
