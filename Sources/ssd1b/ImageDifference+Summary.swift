import Imaging
import Inspection

extension ImageDifference {
  /// `12 of 16,384 pixels differ, mean 0.02, most 35 of 255, PSNR 41.2 dB`.
  var summary: String {
    let all = image.width * image.height
    return
      "\(Number.grouped(pixels)) of \(Number.grouped(all)) pixels \(pixels == 1 ? "differs" : "differ"), "
      + "mean \(Number.significant(mean, 3)), most \(largest) of 255, PSNR \(Number.significant(psnr, 4)) dB"
  }
}
