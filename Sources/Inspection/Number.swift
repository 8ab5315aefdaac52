import Foundation

/// How counts are written for people; JSON has the plain numbers.
public enum Number {
  /// `1,331,334,404`.
  public static func grouped(_ value: Int) -> String {
    let digits = Array(String(value.magnitude))
    var text = value < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index).isMultiple(of: 3) { text.append(",") }
      text.append(digit)
    }
    return text
  }

  /// `2.10 TMAC`: three digits and a decimal prefix.
  public static func multiplyAdds(_ value: Int) -> String {
    let units = ["MAC", "kMAC", "MMAC", "GMAC", "TMAC", "PMAC", "EMAC"]
    guard value.magnitude >= 1000 else { return "\(value) MAC" }
    let (scaled, unit) = scaled(value, by: 1000, units: units)
    return "\(fixed(scaled, scaled.magnitude < 9.995 ? 2 : scaled.magnitude < 99.95 ? 1 : 0)) \(unit)"
  }

  /// `2.5 GiB`: one decimal and a binary prefix; bytes as they are.
  public static func bytes(_ value: Int) -> String {
    guard value.magnitude >= 1024 else { return "\(value) B" }
    let (scaled, unit) = scaled(value, by: 1024, units: ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"])
    return "\(fixed(scaled, 1)) \(unit)"
  }

  /// `1.23 s`, `45.6 ms`, `789 us`: three digits.
  public static func time(_ duration: Duration) -> String {
    let seconds = duration.seconds
    let (value, unit) =
      seconds.magnitude >= 0.9995
      ? (seconds, "s") : seconds.magnitude >= 0.9995e-3 ? (seconds * 1e3, "ms") : (seconds * 1e6, "us")
    return "\(fixed(value, value.magnitude < 9.995 ? 2 : value.magnitude < 99.95 ? 1 : 0)) \(unit)"
  }

  /// `48.1 %` of a whole; nothing of nothing is 0.
  public static func share(_ part: Int, of whole: Int) -> String {
    "\(fixed(whole == 0 ? 0 : 100 * Double(part) / Double(whole), 1)) %"
  }

  /// `12.3 %` of a share from 0 to 1.
  public static func percent(_ share: Double) -> String { "\(fixed(100 * share, 1)) %" }

  /// `-0.01234`, `1.234e-07`: so many significant digits, with an exponent where the number is very large or small.
  public static func significant(_ value: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)g", value)
  }

  /// `1 block`, `36 blocks`.
  public static func counted(_ value: Int, _ noun: String) -> String {
    "\(grouped(value)) \(noun)\(value == 1 ? "" : "s")"
  }

  private static func scaled(_ value: Int, by base: Double, units: [String]) -> (Double, String) {
    var scaled = Double(value)
    var index = 0
    // Half a unit in the last digit shown below the next prefix rounds up to it.
    while scaled.magnitude >= base - (base == 1000 ? 0.5 : 0.05), index < units.count - 1 {
      scaled /= base
      index += 1
    }
    return (scaled, units[index])
  }

  /// Rounded half away from zero to `decimals`, at most three, in no locale.
  public static func fixed(_ value: Double, _ decimals: Int) -> String {
    guard value.isFinite, value.magnitude < 1e15 else { return "\(value)" }
    let factor = [1, 10, 100, 1000][decimals]
    let rounded = Int((value.magnitude * Double(factor)).rounded())
    let sign = value < 0 && rounded > 0 ? "-" : ""
    guard decimals > 0 else { return "\(sign)\(rounded)" }
    let fraction = String(rounded % factor)
    return "\(sign)\(rounded / factor)." + String(repeating: "0", count: decimals - fraction.count) + fraction
  }
}
