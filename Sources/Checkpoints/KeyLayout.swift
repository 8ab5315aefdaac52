/// Names under which a checkpoint may hold a tensor that the model calls otherwise.
public enum KeyLayout {
  /// The keys to look for, most usual first, given the model's own.
  ///
  /// Newer transformers write a text encoder's keys without the `text_model.` prefix that published files have.
  public static func candidates(for key: String) -> [String] {
    let prefix = "text_model."
    return key.hasPrefix(prefix) ? [key, String(key.dropFirst(prefix.count))] : [key]
  }

  /// Whether a tensor that the model does not declare is known to be harmless: a buffer that older versions saved.
  public static func isIgnorable(_ name: String) -> Bool { name.hasSuffix("embeddings.position_ids") }
}
