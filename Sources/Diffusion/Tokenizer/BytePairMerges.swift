import Base
import Foundation

/// The merges of a byte-pair encoding: which neighbours in a word become one symbol, and which go first.
///
/// Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units", algorithm 1, on
/// bytes.
struct BytePairMerges: Sendable {
  /// A symbol is its id in the vocabulary, or a negative number where the vocabulary lacks it.
  typealias Symbol = Int32

  /// A merge's place in the file and the symbol it makes.
  private struct Merge {
    var rank: UInt32
    var product: Symbol
  }

  /// The symbol of each byte inside a word, and of each byte that ends a word (spelled with `</w>`).
  private let letters: [Symbol]
  private let lastLetters: [Symbol]
  private var merges: [UInt64: Merge] = [:]

  /// What a word's last symbol ends in.
  static let wordEnd = "</w>"
  /// CLIP reads so many merges and ignores further ones: 49,152 tokens less the bytes and the two special
  /// tokens.
  private static let limit = 49152 - 256 - 2

  /// Reads `merges.txt`: a header line, then two blank-separated symbols a line, the most frequent pair
  /// first.
  ///
  /// Throws a `Diagnostic` that names the line where a line has not two symbols or makes what `vocabulary`
  /// lacks.
  init(parsing file: Data, vocabulary: [String: Int], at place: String) throws {
    var missing: [String: Symbol] = [:]
    func symbol(_ spelling: String) -> Symbol {
      if let id = vocabulary[spelling] { return Symbol(id) }
      if let symbol = missing[spelling] { return symbol }
      let symbol = Symbol(-1 - missing.count)
      missing[spelling] = symbol
      return symbol
    }
    letters = ByteAlphabet.letters.map { symbol(String($0)) }
    lastLetters = ByteAlphabet.letters.map { symbol(String($0) + Self.wordEnd) }

    let lines = try Self.lines(of: file, at: place)
    merges.reserveCapacity(lines.count)
    for (rank, line) in lines.enumerated() {
      let fields = line.bytes.split(whereSeparator: Self.isBlank).map { String(decoding: $0, as: UTF8.self) }
      guard fields.count == 2 else {
        throw Diagnostic(
          .model, at: "\(place):\(line.number)",
          "expected two symbols with a blank between them, found \(fields.count)",
          hint: "the file may be cut off or edited: fetch it again")
      }
      guard let product = vocabulary[fields[0] + fields[1]] else {
        throw Diagnostic(
          .model, at: "\(place):\(line.number)",
          "expected a merge whose result is in vocab.json, found \"\(fields[0]) \(fields[1])\"",
          hint: "vocab.json and merges.txt must come from the same tokenizer")
      }
      // A pair given twice keeps its later rank, as in the reference.
      merges[SymbolChain.key(symbol(fields[0]), symbol(fields[1]))] = Merge(
        rank: UInt32(rank), product: Symbol(product))
    }
  }

  /// The symbols of a word, given as the UTF-8 bytes of its characters.
  ///
  /// All occurrences of the pair with the lowest rank merge together, from the left; then the next pair is
  /// looked for. Takes O(n log n) for n bytes.
  func symbols(of word: some Collection<UInt8>) -> [Symbol] {
    guard !word.isEmpty else { return [] }
    var symbols = word.map { letters[Int($0)] }
    symbols[symbols.count - 1] =
      lastLetters[Int(word[word.index(word.startIndex, offsetBy: symbols.count - 1)])]
    var chain = SymbolChain(symbols)
    var queue = MinimumHeap<UInt64>()

    func merge(at left: Int) -> Merge? { chain.pair(at: left).flatMap { merges[$0] } }
    func offer(_ left: Int) {
      // Rank first, then position: equal pairs come out together and from the left.
      if let rank = merge(at: left)?.rank { queue.insert(UInt64(rank) << 32 | UInt64(left)) }
    }

    for left in symbols.indices { offer(left) }
    var positions: [Int] = []
    while let first = queue.minimum {
      // A merge may make a pair of a lower rank; it has to wait for the other occurrences of this one.
      let rank = first >> 32
      positions.removeAll(keepingCapacity: true)
      while let entry = queue.minimum, entry >> 32 == rank {
        positions.append(Int(entry & 0xFFFF_FFFF))
        queue.removeMinimum()
      }
      for left in positions {
        // An entry outlives its pair when a neighbour was merged since.
        guard let merge = merge(at: left), UInt64(merge.rank) == rank else { continue }
        for position in chain.merge(at: left, into: merge.product) { offer(position) }
      }
    }
    return chain.merged
  }

  private typealias Line = (number: Int, bytes: ArraySlice<UInt8>)

  /// The lines that hold merges, with their numbers from 1: neither the header nor blank lines around it all.
  private static func lines(of file: Data, at place: String) throws -> ArraySlice<Line> {
    // A merge list is a text, but none of those that lie in its place.
    let other = file.withUnsafeBytes {
      ForeignContent.mistake(
        for: $0, at: place, kind: .model, wanted: "a list of merges", accepting: [.text, .shortText])
    }
    if let other, !file.isEmpty { throw other }
    guard String(data: file, encoding: .utf8) != nil else {
      throw Diagnostic(
        .model, at: place, "expected UTF-8 text, found other bytes",
        hint: "the file may be damaged: fetch it again")
    }
    // An array's bytes are read several times faster than a Data's.
    let lines = [UInt8](file).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .enumerated().map { Line(number: $0 + 1, bytes: $1) }
    func isText(_ line: Line) -> Bool { !line.bytes.allSatisfy(isBlank) }
    guard let first = lines.firstIndex(where: isText), let last = lines.lastIndex(where: isText) else {
      throw Diagnostic(
        .model, at: place, "expected a header line and merges, found an empty file",
        hint: "the file may be cut off: fetch it again")
    }
    let merges = lines[first...last].dropFirst().prefix(limit)
    guard !merges.isEmpty else {
      let text = String(decoding: lines[first].bytes.prefix(80), as: UTF8.self)
      throw Diagnostic(
        .model, at: place, "it has no merges, only the line \"\(text)\"",
        hint: "fetch the file again: it has a line for each merge")
    }
    return merges
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
