extension BlockTuner {
    /// Why the blocks of a model cannot be tuned, in words; nil: they can.
    package static func refusal(_ model: Model) -> String? {
        let configuration = model.configuration
        let name = model.architecture.name
        if configuration.kept.width > 0 {
            return "\(name): blocks that read other blocks' keys and values are not tuned"
        }
        if configuration.perLayerSize > 0 {
            return "\(name): blocks that read a second embedding are not tuned"
        }
        return nil
    }
}
