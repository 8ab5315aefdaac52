/// Plain text set in lines of a given width.
enum TextLayout {
  /// The width that help fits.
  static let width = 80

  /// `parts` set one after another, parted by blanks; lines after the first start with `indent` blanks.
  ///
  /// A part longer than a line is cut, so that no line is ever wider.
  static func wrap(_ parts: [String], first: String = "", indent: Int, width: Int = width) -> [String] {
    let margin = String(repeating: " ", count: indent)
    var lines: [String] = []
    var line = first
    var isFresh = true
    for part in parts {
      var part = Substring(part)
      if !isFresh, line.count + 1 + part.count > width {
        lines.append(line)
        (line, isFresh) = (margin, true)
      }
      while line.count + (isFresh ? 0 : 1) + part.count > width {
        let room = max(1, width - line.count)
        lines.append(line + part.prefix(room))
        part = part.dropFirst(room)
        line = margin
      }
      line += (isFresh ? "" : " ") + part
      isFresh = false
    }
    lines.append(line)
    return lines
  }

  /// The words of `text` set after `first`, which is padded to `indent`, or on lines below when it is longer.
  static func entry(_ first: String, _ text: String, indent: Int) -> [String] {
    let words = text.split(separator: " ").map(String.init)
    if words.isEmpty { return [first] }
    let room = indent - 1
    if first.count <= room {
      let padding = String(repeating: " ", count: indent - first.count)
      return wrap(words, first: first + padding, indent: indent)
    }
    return wrap([first], indent: 4)
      + wrap(words, first: String(repeating: " ", count: indent), indent: indent)
  }
}
