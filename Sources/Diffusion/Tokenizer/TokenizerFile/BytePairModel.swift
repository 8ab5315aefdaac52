/// Byte-pair encoding as the tokenizers library has it: merges in the order of their ranks and places.
struct BytePairModel: Sendable {
  private struct Merge {
    var rank: UInt32
    var product: Int32
  }

  private let vocabulary: [String: Int]
  private var merges: [UInt64: Merge] = [:]
  private let unknownID: Int32?
  private let fusesUnknown: Bool
  private let fallsBackToBytes: Bool
  private let ignoresMerges: Bool
  private let prefix: String
  private let suffix: String

  init(_ model: TokenizerDocument.Model) throws(TokenizerFault) {
    if let type = model.type, type != "BPE" {
      throw TokenizerFault(text: "model of type \(type) is not supported")
    }
    // Chance has no place in an encoding that is to be the same each time.
    if let dropout = model.dropout, dropout != .null, dropout.finiteNumber != 0 {
      throw TokenizerFault(text: "model.dropout is \(dropout.kindName); only null is supported")
    }
    if let wrong = model.vocab.first(where: { !(0...Int(Int32.max)).contains($1) }) {
      throw TokenizerFault(text: "model.vocab has \(wrong.value) for \"\(wrong.key)\", which is no id")
    }
    vocabulary = model.vocab
    unknownID = model.unknownToken.flatMap { model.vocab[$0] }.map { Int32($0) }
    fusesUnknown = model.fuseUnknown ?? false
    fallsBackToBytes = model.byteFallback ?? false
    ignoresMerges = model.ignoreMerges ?? false
    prefix = model.continuingSubwordPrefix ?? ""
    suffix = model.endOfWordSuffix ?? ""
    merges.reserveCapacity(model.merges.pairs.count)
    for (rank, pair) in model.merges.pairs.enumerated() {
      guard pair.count == 2 else {
        throw TokenizerFault(text: "model.merges[\(rank)] must have two parts, not \(pair.count)")
      }
      let result = pair[0] + pair[1].dropFirst(pair[1].hasPrefix(prefix) ? prefix.count : 0)
      guard let left = vocabulary[pair[0]], let right = vocabulary[pair[1]], let product = vocabulary[result]
      else {
        throw TokenizerFault(text: "model.merges[\(rank)], \(pair[0]) \(pair[1]), is not in the vocabulary")
      }
      // Of a pair that stands twice, the later rank counts.
      merges[SymbolChain.key(Int32(left), Int32(right))] = Merge(rank: UInt32(rank), product: Int32(product))
    }
  }

  func id(of spelling: String) -> Int? { vocabulary[spelling] }

  /// The ids of a word.
  func ids(of word: [Unicode.Scalar]) -> [Int] {
    if ignoresMerges, let id = vocabulary[String(String.UnicodeScalarView(word))] { return [id] }
    return merged(symbols(of: word)).map { Int($0) }
  }

  /// The symbols of a word's characters, the last one with the suffix of a word's end.
  private func symbols(of word: [Unicode.Scalar]) -> [Int32] {
    var symbols: [Int32] = []
    // An unknown character waits for the next known one, in case that more of them are to be one token.
    var isPending = false
    func spelling(_ index: Int) -> String {
      (index > 0 ? prefix : "") + String(word[index]) + (index == word.count - 1 ? suffix : "")
    }
    func takePending() {
      if isPending, let unknownID { symbols.append(unknownID) }
      isPending = false
    }
    for index in word.indices {
      let spelling = spelling(index)
      if let id = vocabulary[spelling] {
        takePending()
        symbols.append(Int32(id))
      } else if fallsBackToBytes, let bytes = byteSymbols(of: spelling) {
        symbols += bytes
      } else if unknownID != nil {
        if !fusesUnknown { takePending() }
        isPending = true
      }
    }
    takePending()
    return symbols
  }

  /// The tokens `<0xHH>` of a spelling's bytes; nil unless all are in the vocabulary.
  private func byteSymbols(of spelling: String) -> [Int32]? {
    var symbols: [Int32] = []
    for byte in spelling.utf8 {
      let digits = String(byte, radix: 16, uppercase: true)
      guard let id = vocabulary["<0x\(digits.count == 1 ? "0" : "")\(digits)>"] else { return nil }
      symbols.append(Int32(id))
    }
    return symbols
  }

  /// Merges pairs in the order of their ranks and then of their places.
  private func merged(_ symbols: [Int32]) -> [Int32] {
    var chain = SymbolChain(symbols)
    var queue = MinimumHeap<UInt64>()
    var products: [UInt64: Int32] = [:]
    func merge(at left: Int) -> Merge? { chain.pair(at: left).flatMap { merges[$0] } }
    func offer(_ left: Int) {
      guard let merge = merge(at: left) else { return }
      let entry = UInt64(merge.rank) << 32 | UInt64(left)
      queue.insert(entry)
      products[entry] = merge.product
    }
    for left in symbols.indices { offer(left) }
    while let entry = queue.minimum {
      queue.removeMinimum()
      let left = Int(entry & 0xFFFF_FFFF)
      // An entry outlives its pair when a neighbour was merged since; it holds where the result is the same.
      guard let merge = merge(at: left), merge.product == products[entry] else { continue }
      for position in chain.merge(at: left, into: merge.product) { offer(position) }
    }
    return chain.merged
  }
}
