import Documents
import Tensors

extension Architecture {
    /// How a configuration says the rotation of queries and keys.
    package struct Rotary: Sendable {
        /// Outside of `rope_parameters`.
        package var base = "rope_theta"
        package var defaultBase = 10000.0
        package var pairs = RotaryTable.Pairs.halves
        /// The flag that has neighbours turn together, which `pairs` says where it is absent.
        package var interleaves: String?
        /// Outside of `rope_parameters`, the share of a head's elements that is rotated; nil: all
        /// are.
        package var fraction: String?
        package var defaultFraction = 1.0
        /// How many elements are rotated, where nothing else is said of the rotation.
        package var count: (key: String, defaultValue: Int)?
        /// What stands for `rope_parameters` where neither it nor `rope_scaling` is there.
        package var defaultParameters: Node?
        /// Blocks with a sliding window rotate otherwise; nil: all rotate alike.
        package var sliding: Sliding?
        package var skips = Skips.none
        /// `alpha` stretches the base of `dynamic`.
        package var stretchesBase = false
        /// `llama_4_scaling_beta` lets queries grow with their position.
        package var growsQueries = false
        /// Of `rope_type`.
        package var types = [
            "default", "linear", "dynamic", "yarn", "longrope", "llama3", "proportional",
        ]
        /// Other names for them.
        package var aliases: [String: String] = [:]
        /// What `original_max_position_embeddings` is where it does not stand outside of
        /// `rope_parameters`; nil: what stands inside.
        package var originalPositions: Int?
        /// Keys of what takes the place of `attention_factor` in `longrope`, for sequences with the
        /// short factors and for longer ones; both must be there.
        package var magnitudes: (short: String, long: String)?
    }

    /// What rotates blocks with a sliding window, beside `sliding_attention` in `rope_parameters`.
    package struct Sliding: Sendable {
        /// Outside of `rope_parameters`; nil: always `defaultBase`.
        package var base: String?
        package var defaultBase: Double
        /// `rope_parameters`, where it is there, says all of each kind, and nothing else counts.
        package var isExplicit = false
    }

    /// Which blocks rotate nothing.
    package enum Skips: Sendable, Hashable {
        case none
        /// Those that have a 0 in a list, or every so many.
        case listed(key: String, interval: String, defaultInterval: Int)
        /// Those without a sliding window.
        case full
        /// The same, but where the model has no size of a window.
        case fullBesideSliding
    }
}
