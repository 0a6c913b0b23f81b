extension BlockTuner {
    /// Why the blocks of a model cannot be tuned, in words; nil: they can.
    package static func refusal(_ model: Model) -> String? {
        let configuration = model.configuration
        let name = model.architecture.name
        if configuration.recurrence != nil {
            return "\(name): blocks without attention are not tuned"
        }
        if model.architecture.hasKindsOfHeads {
            return "\(name): heads that differ from block to block are not tuned"
        }
        return nil
    }
}
