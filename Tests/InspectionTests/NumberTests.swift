import Inspection
import Testing

@Suite("Number and PathPattern")
struct NumberTests {
  @Test(
    "counts are grouped by thousands",
    arguments: [
      (0, "0"), (999, "999"), (1000, "1,000"), (-1_234_567, "-1,234,567"), (1_331_334_404, "1,331,334,404"),
      (Int.min, "-9,223,372,036,854,775,808"),
    ])
  func grouped(value: Int, text: String) { #expect(Number.grouped(value) == text) }

  @Test(
    "multiply-adds have three digits and a decimal prefix",
    arguments: [
      (0, "0 MAC"), (999, "999 MAC"), (1000, "1.00 kMAC"), (999_499, "999 kMAC"), (999_500, "1.00 MMAC"),
      (99_949, "99.9 kMAC"), (99_950, "100 kMAC"), (9994, "9.99 kMAC"), (9995, "10.0 kMAC"),
      (2_103_880_908_800, "2.10 TMAC"), (-1_276_737_290_240, "-1.28 TMAC"), (Int.max, "9.22 EMAC"),
    ])
  func multiplyAdds(value: Int, text: String) { #expect(Number.multiplyAdds(value) == text) }

  @Test(
    "bytes have a binary prefix",
    arguments: [
      (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (1_048_575, "1.0 MiB"),
      (2_662_668_808, "2.5 GiB"),
    ])
  func bytes(value: Int, text: String) { #expect(Number.bytes(value) == text) }

  @Test(
    "shares are percent to a tenth",
    arguments: [
      (1_236_129_280, 2_567_463_684, "48.1 %"), (0, 0, "0.0 %"), (1, 1, "100.0 %"), (-1, 8, "-12.5 %"),
    ])
  func share(part: Int, whole: Int, text: String) { #expect(Number.share(part, of: whole) == text) }

  @Test(
    "a glob fits a path or what is around it, a plain text is contained",
    arguments: [
      ("attn2", "unet.a.attn2.to_k", true), ("attn2", "unet.a.attn1.to_k", false),
      ("*.attn2", "unet.a.attn2.to_k", true), ("*.attn?", "unet.a.attn2.to_k", true),
      ("*.to_?", "unet.a.attn2.to_k", true), ("*.to_?", "unet.a.attn2.to_out.0", false),
      ("unet.*.to_k", "unet.a.attn2.to_k", true), ("vae*", "unet.vae", false), ("*", "x", true),
      ("a*b*c", "aXbYbZc", true), ("a*b*c", "aXbYbZ", false), ("?", "", false), ("**", "", true),
    ])
  func patterns(pattern: String, path: String, fits: Bool) throws {
    #expect(try PathPattern(pattern).matches(path) == fits)
  }
}
