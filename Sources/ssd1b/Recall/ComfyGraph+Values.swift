import Base
import Foundation

extension ComfyGraph {
  /// An input's number: as it stands, or of the node that it is linked to, under one of `names` or as its value.
  func number(_ input: JSONValue?, named names: [String]) -> JSONValue? {
    value(input, named: names) { $0.digits != nil }
  }

  /// An input's name of something, such as a sampler, found as a number is.
  func name(_ input: JSONValue?, named names: [String]) -> String? {
    value(input, named: names) { $0.string?.isEmpty == false }?.string
  }

  private func value(
    _ input: JSONValue?, named names: [String], where isWanted: (JSONValue) -> Bool
  ) -> JSONValue? {
    guard let input else { return nil }
    guard Self.target(of: input) != nil else { return isWanted(input) ? input : nil }
    return follow([input]) { node in
      if node.isCalculation { return .goOn([]) }
      for key in names + ["value", "Value", "number", "Number", "int", "float"] {
        guard let value = node[key] else { continue }
        if Self.target(of: value) != nil { return .goOn([value]) }
        if isWanted(value) { return .found(value) }
      }
      // A node that only holds a value, or passes one on.
      let values = node.inputs.values.filter(isWanted)
      if node.links.isEmpty, values.count == 1, let value = values.first { return .found(value) }
      return .goOn(node.links.count == 1 ? node.links : [])
    }
  }
}

extension ComfyGraph {
  /// The two sides of guidance, as samplers call them.
  enum Side: String { case positive, negative }

  /// What a conditioning was made of.
  enum Conditioning {
    case text(String, encoder: Node)
    /// Zeros in a text's place: no text at all.
    case zeros

    var text: String? { if case .text(let text, _) = self { text } else { nil } }
    var encoder: Node? { if case .text(_, let encoder) = self { encoder } else { nil } }
  }

  /// Follows a conditioning to the text that was encoded; nil where none was found.
  func conditioning(_ input: JSONValue?, _ side: Side) -> Conditioning? {
    guard let input else { return nil }
    return follow([input]) { node in
      if node.kind == "ConditioningZeroOut" { return .found(.zeros) }
      if let text = encodedText(of: node, side) { return .found(.text(text, encoder: node)) }
      let known = [
        "conditioning", "conditioning_1", "conditioning_to", "conditioning1", "cond1", side.rawValue,
      ].compactMap { node[$0] }.filter { Self.target(of: $0) != nil }
      return .goOn(known.isEmpty && node.links.count == 1 ? node.links : known)
    }
  }

  /// The text of a node that encodes one; nil of other nodes.
  private func encodedText(of node: Node, _ side: Side) -> String? {
    // A loader may hold both sides' texts; linked, these names lead to conditionings.
    if let text = node[side.rawValue]?.string { return text }
    let texts = ["populated_text", "text", "text_g", "prompt", "text_\(side.rawValue)"]
      .compactMap { string(node[$0], side) }
    if node["text_g"] != nil, texts.first == "", let other = string(node["text_l"], side) { return other }
    return texts.first
  }

  /// An input's text: as it stands, or put together by the nodes that it is linked to. Conditionings are none.
  /// - Parameter side: which text is meant, of a node that has both.
  func string(_ input: JSONValue?, _ side: Side) -> String? {
    var trail = Trail(side: side)
    return string(input, &trail)
  }

  /// The way that a text came.
  private struct Trail {
    let side: Side
    private var seen: Set<String> = []
    private static let mostNodes = 100

    init(side: Side) { self.side = side }

    /// False at a node that was seen before, and where the way is longer than that of any text.
    mutating func enter(_ node: Node) -> Bool {
      seen.count < Self.mostNodes && seen.insert(node.id).inserted
    }
  }

  private func string(_ input: JSONValue?, _ trail: inout Trail) -> String? {
    if case .string(let text)? = input { return text }
    guard let node = origin(of: input), trail.enter(node) else { return nil }
    // What a node showed is what its text was; the text may have been made by another that cannot be followed.
    if let shown = node["text_0"]?.string, node["text"].flatMap(Self.target) != nil { return shown }
    if let replaced = replacedText(of: node, &trail) { return replaced }
    if node.isCalculation, node["populated_text"] == nil { return nil }
    if let parts = joinedParts(of: node) {
      let separator = (node["delimiter"] ?? node["separator"])?.string ?? ""
      var texts: [String] = []
      for part in parts {
        guard let text = string(part, &trail) else { return nil }
        texts.append(text)
      }
      return texts.joined(separator: separator)
    }
    if let text = node[trail.side.rawValue]?.string { return text }
    for key in ["text_\(trail.side.rawValue)"] + Self.textKeys {
      if let value = node[key], let text = string(value, &trail) { return text }
    }
    return node.links.count == 1 ? string(node.links.first, &trail) : nil
  }

  /// The text of a node that replaces a part of one; nil of other nodes.
  private func replacedText(of node: Node, _ trail: inout Trail) -> String? {
    guard node.kind.lowercased().contains("replace"), let find = node["find"]?.string, !find.isEmpty,
      let replacement = node["replace"]?.string,
      let input = node["string"] ?? node["text"], let text = string(input, &trail)
    else { return nil }
    return text.replacingOccurrences(of: find, with: replacement)
  }

  /// Inputs that hold a node's text, the one that was used before the one that it was made from.
  private static let textKeys = [
    "populated_text", "text", "string", "value", "prompt", "Text", "String", "Prompt", "text_g", "result",
    "wildcard_text", "text_0",
  ]

  /// What a node joins to one text, in order; nil of other nodes.
  private func joinedParts(of node: Node) -> [JSONValue]? {
    let kind = node.kind.lowercased()
    guard kind.contains("concat") || kind.contains("join") || node["delimiter"] != nil else { return nil }
    // `text2` before `text10`.
    let keys = node.inputs.keys.sorted { ($0.utf8.count, $0) < ($1.utf8.count, $1) }
    let parts = keys.filter { key in
      ["string", "text", "prompt", "str", "input"].contains(where: key.lowercased().hasPrefix)
    }.compactMap { node[$0] }.filter { $0.string != nil || Self.target(of: $0) != nil }
    return parts.isEmpty ? nil : parts
  }
}

extension ComfyGraph {
  /// The size of a node that gives empty latents: chosen from a list such as `1024x1024 (1.0)`, or in two inputs.
  func size(of node: Node) -> String? {
    let overrides = ["width_override", "height_override"].compactMap { number(node[$0], named: [])?.digits }
    if overrides.count == 2, !overrides.contains("0") { return overrides.joined(separator: "x") }
    if let size = chosenSize(of: node) { return size }
    let (width, height) = (
      node["width"] ?? node["empty_latent_width"], node["height"] ?? node["empty_latent_height"]
    )
    if let width = number(width, named: ["width", "Width"])?.digits,
      let height = number(height, named: ["height", "Height"])?.digits
    {
      return "\(width)x\(height)"
    }
    guard let from = origin(of: width), from.id == origin(of: height)?.id else { return nil }
    return chosenSize(of: from)
  }

  private func chosenSize(of node: Node) -> String? {
    for key in ["resolution", "dimensions", "size", "aspect_ratio", "preset", "ratio"] {
      guard let text = node[key]?.string?.prefix(200) else { continue }
      let words = text.split { !($0.isASCII && $0.isNumber || "xX×".contains($0)) }
      for word in words + [text.filter { $0 != " " }[...].prefix { !"(".contains($0) }] {
        let edges = word.split(omittingEmptySubsequences: false) { "xX×".contains($0) }
        if edges.count == 2, edges.allSatisfy({ Int($0).map { $0 >= 16 } == true }) {
          return edges.joined(separator: "x")
        }
      }
    }
    return nil
  }
}
