import Base
import Foundation

/// The files and folders that a path's beginning may become.
public enum FileCompletion {
  /// Paths that begin with `beginning`, in order; folders end in `/`.
  ///
  /// Names that start with a point come only when the beginning's last part does. A folder that cannot be
  /// read gives nothing.
  public static func paths(beginning: String, foldersOnly: Bool = false) -> [String] {
    let slash = beginning.utf8.lastIndex(of: UInt8(ascii: "/"))
    let typed = slash.map { String(beginning[...$0]) } ?? ""
    // What was typed stays as it is; `~` alone is completed to `~/`.
    guard beginning != "~" else { return ["~/"] }
    let folder = PathName.expandingTilde(typed)
    let name = slash.map { String(beginning.utf8[beginning.utf8.index(after: $0)...]) ?? "" } ?? beginning
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: folder.isEmpty ? "." : folder)) ?? []
    return entries.sorted().compactMap { entry in
      guard entry.utf8.starts(with: name.utf8), !entry.hasPrefix(".") || name.hasPrefix(".") else {
        return nil
      }
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: folder + entry, isDirectory: &isFolder) else { return nil }
      if isFolder.boolValue { return typed + entry + "/" }
      return foldersOnly ? nil : typed + entry
    }
  }
}
