import Documents

extension Manifest {
    /// How what is left of a block is tuned.
    package struct Tuning: Sendable, Hashable {
        /// Over the calibration, at most.
        package var passes = 10
        /// How far a step moves a weight at most, about: a share of the root mean square that its
        /// layer's weights begin with.
        package var rate = 0.005

        package init() {}
    }
}

extension Manifest.Tuning {
    init(_ fields: Fields) throws(DocumentError) {
        passes = try fields.integer("passes", in: 1...1000) ?? passes
        rate = try fields.number("rate", in: 0.0001...1) ?? rate
    }
}
