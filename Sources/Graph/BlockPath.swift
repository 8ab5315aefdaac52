/// Which block of a graph each layer belongs to, told from the modules that the graph was built of.
///
/// A block is the innermost numbered module around a layer (`down_blocks.1.attentions.0.transformer_blocks.1`), else
/// the module around it when that holds no other (`time_embedding`), else the layer itself (`conv_in`).
public struct BlockPath: Sendable {
  private let modules: Set<String>
  private let withInner: Set<String>

  public init(_ graph: Graph) {
    modules = Set(graph.modules.map(\.path))
    var withInner: Set<String> = []
    for module in modules {
      for outer in Self.prefixes(of: module).dropFirst() where modules.contains(outer) {
        withInner.insert(outer)
      }
    }
    self.withInner = withInner
  }

  public func block(of path: String) -> String {
    let around = Self.prefixes(of: path).filter(modules.contains)
    if let numbered = around.first(where: { Self.number(of: $0) != nil }) { return numbered }
    guard let inner = around.first, !withInner.contains(inner) else { return path }
    return inner
  }

  /// What kind of block a path names: `resnet` for `mid_block.resnets.0`, else the path's last part.
  public static func kind(of path: String) -> String {
    let parts = path.split(separator: ".")
    guard number(of: path) != nil, parts.count > 1 else { return parts.last.map(String.init) ?? path }
    let container = parts[parts.count - 2]
    return String(container.hasSuffix("s") ? container.dropLast() : container)
  }

  /// The number that a path ends in, if it does.
  public static func number(of path: String) -> Int? { path.split(separator: ".").last.flatMap { Int($0) } }

  /// The path itself and what is around it, innermost first.
  private static func prefixes(of path: String) -> [String] {
    var result = [path]
    var rest = path[...]
    while let dot = rest.lastIndex(of: ".") {
      rest = rest[..<dot]
      result.append(String(rest))
    }
    return result
  }
}
