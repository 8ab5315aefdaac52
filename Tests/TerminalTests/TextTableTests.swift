import Terminal
import Testing

@Suite struct TextTableTests {
  static let layers: TextTable = {
    var table = TextTable(columns: [.init("layer"), .init("shape"), .init("params", .right)])
    table.append(["down_blocks.0.resnets.0.conv1", "[320, 320, 3, 3]", "921,920"])
    table.append(["日本語の名前", "[]", "1"], style: .green)
    return table
  }()

  @Test("columns are as wide as their widest cell, numbers to the right, no blanks at line ends")
  func plain() {
    #expect(
      Self.layers.rendered() == """
        layer                          shape              params
        down_blocks.0.resnets.0.conv1  [320, 320, 3, 3]  921,920
        日本語の名前                   []                      1

        """)
    var table = TextTable(columns: [.init("a"), .init("b")])
    table.append(["x", ""])
    #expect(table.rendered() == "a  b\nx\n")
    #expect(table.rowCount == 1)
  }

  @Test("within a width the widest text gives way and numbers stay whole")
  func narrow() {
    #expect(
      Self.layers.rendered(maximumWidth: 40)
        == """
        layer           shape             params
        down_blocks.0…  [320, 320, 3, …  921,920
        日本語の名前    []                     1

        """)
  }

  @Test("no line is wider than asked, down to one column", arguments: 1...80)
  func width(columns: Int) {
    let text = Self.layers.rendered(maximumWidth: columns)
    #expect(text.split(separator: "\n", omittingEmptySubsequences: false).count == 4)
    for line in text.split(separator: "\n") { #expect(DisplayWidth.of(String(line)) <= columns, "\(line)") }
    if columns >= 56 { #expect(text == Self.layers.rendered()) }
  }

  @Test("paths are cut at their starts, and the last columns are left out before a number or a name is cut")
  func paths() {
    var table = TextTable(columns: [
      .init("layer", isPath: true, leastWidth: 16), .init("kind"), .init("params", .right),
      .init("bytes", .right),
    ])
    table.append(["unet.down_blocks.0.resnets.0.conv1", "conv2d", "921,920", "1.8 MiB"])
    table.append(["unet.down_blocks.0.resnets.0.conv2", "conv2d", "921,920", "1.8 MiB"])
    let lines = table.rendered(maximumWidth: 52).split(separator: "\n")
    #expect(lines[1] == "…_blocks.0.resnets.0.conv1  conv2d  921,920  1.8 MiB")
    #expect(lines[2] == "…_blocks.0.resnets.0.conv2  conv2d  921,920  1.8 MiB")
    #expect(table.hiddenColumns(maximumWidth: 52) == 0 && table.hiddenColumns(maximumWidth: nil) == 0)
    #expect(table.hiddenColumns(maximumWidth: 36) == 1)
    #expect(
      table.rendered(maximumWidth: 36).split(separator: "\n")[2] == "….0.resnets.0.conv2  conv2d  921,920")
  }

  @Test("colour wraps whole lines and changes no width")
  func color() {
    let lines = Self.layers.rendered(isColored: true).split(separator: "\n")
    #expect(lines[0].hasPrefix("\u{1B}[1mlayer") && lines[0].hasSuffix("params\u{1B}[0m"))
    #expect(lines[1].hasPrefix("down_blocks"))
    #expect(lines[2].hasPrefix("\u{1B}[32m日本語の名前 ") && lines[2].hasSuffix(" 1\u{1B}[0m"))
  }

  @Test("without titles there is no header, and a hostile cell cannot reach the terminal")
  func hostile() {
    var table = TextTable(columns: [.init(""), .init("")])
    table.append(["a\nb", "\u{1B}[2J"])
    #expect(table.rendered() == "a\\nb  \\u{1B}[2J\n")
    #expect(TextTable(columns: [.init("only")]).rendered() == "only\n")
  }
}
