/// Rows of text under titles: what an inspection shows, for whoever prints it to align.
public struct Table: Hashable, Sendable {
  public enum Alignment: Hashable, Sendable { case left, right }

  public struct Column: Hashable, Sendable {
    public let title: String
    public let alignment: Alignment
    /// What rows are told apart by.
    public enum Role: Hashable, Sendable {
      /// Names differ at their beginnings, paths at their ends.
      case name, path, other
    }
    public let role: Role

    public init(_ title: String, _ alignment: Alignment = .left, role: Role = .other) {
      self.title = title
      self.alignment = alignment
      self.role = role
    }
  }

  public let columns: [Column]
  /// A cell a column.
  public let rows: [[String]]
  /// Lines below the table.
  public let footer: [String]

  public init(columns: [Column], rows: [[String]], footer: [String] = []) {
    precondition(
      rows.allSatisfy { $0.count == columns.count }, "a row with another number of cells than columns")
    self.columns = columns
    self.rows = rows
    self.footer = footer
  }
}
