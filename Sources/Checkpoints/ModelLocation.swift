import Base
import Foundation

/// Where a model lies, by what a user calls it.
public enum ModelLocation {
  /// The folder that a path means: itself, that of a `model_index.json`, or the snapshot that a model's folder in Hugging
  /// Face's cache (`models--org--name`) has as `main`.
  ///
  /// Throws a `Diagnostic` of kind `.model` when there is none.
  public static func folder(of path: String) throws -> String {
    let path = resolved(path)
    guard let isFolder = isFolder(path) else { throw nothing(at: path) }
    guard isFolder else {
      throw Diagnostic(
        .model, at: path, "it is a file, not a model's folder",
        hint: "give the folder that holds model_index.json, unet/, vae/, text_encoder/ and tokenizer/")
    }
    guard let snapshot = try snapshot(in: path) else { return path }
    return snapshot
  }

  /// The file or folder that a path means, `~` and a trailing slash resolved; of a `model_index.json` or a `config.json` its
  /// folder.
  public static func resolved(_ path: String) -> String {
    let path = PathName.expandingTilde(path)
    let bare = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    let isIndex = ["model_index.json", "config.json"].contains(PathName(bare).last)
    return isIndex && isFolder(bare) == false ? PathName(bare).folder : bare
  }

  /// nil where there is nothing.
  public static func isFolder(_ path: String) -> Bool? {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) ? isFolder.boolValue : nil
  }

  /// The newest snapshot of a model's folder in Hugging Face's cache; nil for any other folder.
  private static func snapshot(in folder: String) throws -> String? {
    let snapshots = "\(folder)/snapshots"
    guard isFolder(snapshots) == true, isFolder("\(folder)/model_index.json") == nil,
      isFolder("\(folder)/refs") == true || PathName(folder).last.hasPrefix("models--")
    else { return nil }
    let commits = ((try? FileManager.default.contentsOfDirectory(atPath: snapshots)) ?? []).sorted()
      .filter { isFolder("\(snapshots)/\($0)") == true }
    let main = (try? RegularFile("\(folder)/refs/main").contents(limit: 1000))
      .map { String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines) }
      .flatMap { $0.isEmpty ? nil : $0 }
    if let main, commits.contains(main) { return "\(snapshots)/\(main)" }
    if main == nil, commits.count == 1 { return "\(snapshots)/\(commits[0])" }
    throw Diagnostic(
      .model, at: folder,
      commits.isEmpty
        ? "it is a folder of Hugging Face's cache without a snapshot"
        : main.map {
          "its refs/main is \(String($0.prefix(40)).escapingInvisibles), of which there is no snapshot"
        }
          ?? "it has no refs/main and \(commits.count) snapshots",
      hint: commits.isEmpty
        ? "fetch the model again" : "give one of the snapshots: \(snapshots)/\(commits[0])")
  }

  /// There is nothing at a path: a name on the hub, or a wrong path.
  private static func nothing(at path: String) -> Diagnostic {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ $0.first?.isLetter == true || $0.first?.isNumber == true })
    else {
      return Diagnostic(
        .model, at: path, "there is no such file or folder",
        hint: "give --model a folder that holds model_index.json, unet/, vae/, text_encoder/ and tokenizer/")
    }
    if let cached = cache.map({ "\($0)/models--\(parts[0])--\(parts[1])" }), isFolder(cached) == true {
      return Diagnostic(
        .model, at: path, "there is no such folder, but a copy in Hugging Face's cache",
        hint: "--model \(cached)")
    }
    return Diagnostic(
      .model, at: path, "there is no such folder; models are not fetched from the hub by this program",
      hint: "hf download \(path) --include '*.json' '*.txt' '*.fp16.safetensors' --local-dir \(parts[1]), "
        + "and then --model \(parts[1])")
  }

  /// Hugging Face's cache, by the first of its environment variables that is set.
  private static var cache: String? {
    let environment = ProcessInfo.processInfo.environment
    for (variable, suffix) in [
      ("HF_HUB_CACHE", ""), ("HUGGINGFACE_HUB_CACHE", ""), ("HF_HOME", "/hub"),
      ("XDG_CACHE_HOME", "/huggingface/hub"),
      ("HOME", "/.cache/huggingface/hub"),
    ] {
      if let folder = environment[variable], !folder.isEmpty {
        return PathName.expandingTilde(folder) + suffix
      }
    }
    return nil
  }
}
