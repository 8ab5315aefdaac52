import Testing

/// Tests of what belongs to the whole process, its signals and its terminal: one after another.
@Suite(.serialized) enum SignalTests {}
