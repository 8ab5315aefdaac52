/// A way to show pictures on a terminal.
public enum PictureProtocol: String, CaseIterable, Sendable {
  /// kitty's graphics protocol, with the PNG itself (https://sw.kovidgoyal.net/kitty/graphics-protocol).
  case kitty
  /// iTerm2's inline images, with the PNG itself (https://iterm2.com/documentation-images.html).
  case iterm2
  /// Sixel graphics of DEC's VT340, in up to 255 colours.
  case sixel
  /// Two pixels a character cell, as an upper half block in two colours; works wherever there is colour.
  case blocks
}

/// How many colours a terminal shows.
public enum ColorDepth: Sendable { case trueColor, palette256 }

/// What a terminal said of itself, and what that means for pictures.
public struct PictureSupport: Equatable, Sendable {
  public var protocols: Set<PictureProtocol>
  public var depth: ColorDepth
  /// Inside tmux, which passes what it does not know only when it is wrapped.
  public var isInsideTmux: Bool
  /// Pixels of a character cell; what most fonts have where the terminal does not say.
  public var cellWidth = 10
  public var cellHeight = 20

  public init(protocols: Set<PictureProtocol> = [.blocks], depth: ColorDepth, isInsideTmux: Bool) {
    self.protocols = protocols
    self.depth = depth
    self.isInsideTmux = isInsideTmux
  }

  /// Half blocks, in the colours that the environment promises.
  public init(environment: [String: String]) {
    let term = environment["TERM"] ?? ""
    let isInsideTmux = environment["TMUX"] != nil
    let promises = ["truecolor", "24bit"].contains(environment["COLORTERM"] ?? "")
    let isTrue = promises || isInsideTmux || ["direct", "kitty", "ghostty"].contains { term.contains($0) }
    self.init(depth: isTrue ? .trueColor : .palette256, isInsideTmux: isInsideTmux)
  }

  /// The best of what there is.
  public var best: PictureProtocol { PictureProtocol.allCases.first(where: protocols.contains) ?? .blocks }

  /// What is asked of the terminal: kitty's query, its name, the size of its cells, and last its attributes, which every
  /// terminal answers.
  ///
  /// tmux and screen take the first for a title, so that it is left out for them.
  public static func query(environment: [String: String]) -> String {
    let isMultiplexer =
      environment["TMUX"] != nil
      || ["tmux", "screen"].contains { environment["TERM"]?.hasPrefix($0) == true }
    let kitty = isMultiplexer ? "" : "\u{1B}_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\u{1B}\\"
    return kitty + "\u{1B}[>q\u{1B}[16t\u{1B}[c"
  }

  /// Takes in what the terminal answered, and returns the bytes that are no answer: keys that were typed meanwhile.
  public mutating func read(_ answer: [UInt8]) -> [UInt8] {
    var rest: [UInt8] = []
    var position = 0
    while position < answer.count {
      guard let (reply, end) = Self.reply(in: answer, at: position) else {
        rest.append(answer[position])
        position += 1
        continue
      }
      position = end
      note(reply)
    }
    return rest
  }

  /// Whether the last question, which every terminal answers, was answered.
  public static func isComplete(_ answer: [UInt8]) -> Bool {
    var position = 0
    while position < answer.count {
      guard let (reply, end) = reply(in: answer, at: position) else {
        position += 1
        continue
      }
      if reply.hasPrefix("[?") && reply.hasSuffix("c") { return true }
      position = end
    }
    return false
  }

  /// The index of an incomplete answer at the end of what `read` left over; nil when there is none.
  public static func unfinishedReply(in rest: [UInt8]) -> Int? {
    guard let start = rest.lastIndex(of: 0x1B) else { return nil }
    let begun = rest[(start + 1)...]
    switch begun.first {
    case nil, UInt8(ascii: "_"), UInt8(ascii: "P"): return start
    case UInt8(ascii: "["): return begun.dropFirst().allSatisfy { (0x20..<0x40).contains($0) } ? start : nil
    default: return nil
    }
  }

  /// An answer that begins at `start`, without its escape, and where it ends.
  private static func reply(in bytes: [UInt8], at start: Int) -> (text: String, end: Int)? {
    guard bytes[start] == 0x1B, start + 2 < bytes.count else { return nil }
    func text(_ end: Int) -> String { String(decoding: bytes[start + 1..<end], as: UTF8.self) }
    switch bytes[start + 1] {
    case UInt8(ascii: "_"), UInt8(ascii: "P"):
      // To the string terminator.
      for end in (start + 2)..<max(start + 2, bytes.count - 1)
      where bytes[end] == 0x1B && bytes[end + 1] == 0x5C {
        return (text(end), end + 2)
      }
      return nil
    case UInt8(ascii: "["):
      let parameters = bytes[(start + 2)...].prefix { (0x20..<0x40).contains($0) }
      guard parameters.endIndex < bytes.count else { return nil }
      let reply = text(parameters.endIndex + 1)
      // Arrow and function keys have the same form.
      let isReply =
        (reply.hasPrefix("[?") && reply.hasSuffix("c")) || (reply.hasPrefix("[6;") && reply.hasSuffix("t"))
      return isReply ? (reply, parameters.endIndex + 1) : nil
    default: return nil
    }
  }

  private mutating func note(_ reply: String) {
    if reply.hasPrefix("_G") {
      if reply.contains(";OK") { protocols.insert(.kitty) }
    } else if reply.hasPrefix("P>|") {
      if ["iTerm2", "WezTerm", "mintty"].contains(where: reply.contains) { protocols.insert(.iterm2) }
    } else if reply.hasPrefix("[?") {
      if reply.dropFirst(2).dropLast().split(separator: ";").dropFirst().contains("4") {
        protocols.insert(.sixel)
      }
    } else if reply.hasPrefix("[6;") {
      let sizes = reply.dropFirst(3).dropLast().split(separator: ";").compactMap { Int($0) }
      if sizes.count == 2, sizes.allSatisfy({ (1...200).contains($0) }) {
        (cellHeight, cellWidth) = (sizes[0], sizes[1])
      }
    }
  }
}
