import Base
import Checkpoints

/// The settings that a model wants to start with, from `start_values.json` in its folder.
///
/// Without the file they are what SSD-1B's authors recommend: guidance 9 and the size the UNet was trained at.
public struct StartValues: Sendable, Equatable {
  public var guidanceScale = 9.0
  public var steps = 25
  /// Picture pixels.
  public var width: Int
  public var height: Int
  /// The maximum number of steps: no schedule has more than the training noise has timesteps.
  public var maximumSteps = 1000
  /// What the model's scheduler config describes.
  public var scheduler = Scheduler.euler

  /// Those of a model trained at squares of `defaultSize` pixels an edge.
  public init(defaultSize: Int) { (width, height) = (defaultSize, defaultSize) }

  init(_ files: any ModelFiles, defaultSize: Int) throws {
    self.init(defaultSize: defaultSize)
    let name = "start_values.json"
    guard files.has(name) else { return }
    var fields = try FieldReader(files.json(name), at: files.place(name))
    guidanceScale = fields.number("cfg", default: guidanceScale)
    steps = fields.count("steps", default: steps)
    width = fields.count("width", default: width)
    height = fields.count("height", default: height)
    try fields.finish()
  }
}
