import Base
import Foundation

/// Names of files that commands write.
enum OutputPath {
  /// Refuses a place for a picture that cannot be written, before minutes are spent on it.
  static func checkPicture(_ path: String) throws {
    let folder = PathName(path).folder
    var isDirectory: ObjCBool = false
    let exists = FileManager.default.fileExists(
      atPath: folder, isDirectory: &isDirectory)
    guard exists, isDirectory.boolValue else {
      throw Diagnostic(
        .file, at: path, "expected a folder \(folder), found \(exists ? "a file" : "none")",
        hint: "make the folder first, or choose another with out=")
    }
    guard access(folder, W_OK) == 0 else {
      throw Diagnostic(
        .file, at: path, "cannot be written: \(String(cString: strerror(errno)))",
        hint: "choose a folder that you may write to with out=")
    }
    let ending = PathName(path).ending.lowercased()
    guard !["jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff", "avif"].contains(ending) else {
      throw Diagnostic(
        .value, at: path, "expected a name that ends in .png, found .\(ending)",
        hint: "pictures are written as PNG")
    }
    guard !FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) || !isDirectory.boolValue
    else {
      throw Diagnostic(
        .file, at: path, "expected a file's name, found a folder", hint: "add a file name, such as fox.png")
    }
  }

  /// Makes a folder where there is none. Throws a `Diagnostic` of kind `.file`.
  static func makeFolder(_ folder: String) throws {
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), !isFolder.boolValue {
      throw Diagnostic(
        .file, at: folder, "expected a folder's name, found a file", hint: "choose another folder")
    }
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw Diagnostic(
        .file, at: folder, "the folder cannot be made: \(error.localizedDescription)",
        hint: "choose another folder")
    }
  }

  /// `fox-3.png` of `fox.png`.
  static func numbered(_ path: String, _ number: Int) -> String {
    let name = PathName(path)
    return "\(name.withoutEnding)-\(number).\(name.ending.isEmpty ? "png" : name.ending)"
  }

  /// `path`, or where that is there, it with the first number that makes it another.
  static func unused(_ path: String) -> String {
    guard FileManager.default.fileExists(atPath: path) else { return path }
    return (2...).lazy.map { numbered(path, $0) }.first { !FileManager.default.fileExists(atPath: $0) }
      ?? path
  }
}
