import Documents
import Glibc

/// The kinds of rope, each from its parameters.
///
/// Computed in float32 in the order of the reference, for at position 2000 the last bit can be
/// seen; what it has in double precision is in double here too. Source: `modeling_rope_utils.py` of
/// transformers.
struct RotationReader {
    /// The object with the parameters.
    let rope: ConfigReader
    let headDim: Int
    /// Elements of a head.
    let rotated: Int
    /// `partial_rotary_factor`.
    let share: Double
    let base: Double
    /// `max_position_embeddings`.
    let positions: Int

    func plain() -> [Float] { powers(of: Float(base)).map { 1 / $0 } }

    /// `base ** (2i / rotated)`.
    private func powers(of base: Float) -> [Float] {
        stride(from: 0, to: rotated, by: 2).map { powf(base, Float($0) / Float(rotated)) }
    }

    func linear() throws(ModelError) -> Rotation {
        let factor = Float(try rope.positive("factor"))
        return Rotation(frequencies: plain().map { $0 / factor })
    }

    /// The base grows with sequences beyond `max_position_embeddings`, which no sequence here is;
    /// up to there it stays, but for how it is rounded.
    func dynamic() throws(ModelError) -> Rotation {
        let factor = try rope.positive("factor")
        if rotated <= 2 {
            throw rope.wrong("factor", expected: "more than two elements of a head to rotate")
        }
        let growth = factor * Double(positions) / Double(positions) - (factor - 1)
        let scaled = base * pow(growth, Double(rotated) / Double(rotated - 2))
        return Rotation(frequencies: powers(of: Float(scaled)).map { 1 / $0 })
    }

    /// A base that `alpha` stretches, whatever the length.
    ///
    /// Source: `modeling_hunyuan_v1_dense.py` of transformers.
    func stretched() throws(ModelError) -> Rotation {
        if headDim <= 2 {
            throw rope.wrong("alpha", expected: "more than two elements of a head to rotate")
        }
        let stretch = pow(try rope.positive("alpha"), Double(headDim) / Double(headDim - 2))
        return Rotation(frequencies: powers(of: Float(base * stretch)).map { 1 / $0 })
    }

    func llama3(trained: Int) throws(ModelError) -> Rotation {
        let factor = Float(try rope.positive("factor"))
        let (low, high) = (
            try rope.positive("low_freq_factor"), try rope.positive("high_freq_factor")
        )
        let (longest, shortest) = (Float(Double(trained) / low), Float(Double(trained) / high))
        let frequencies = plain().map { frequency in
            let wavelength = Float(2 * Double.pi) / frequency
            if wavelength > longest { return frequency / factor }
            if wavelength < shortest { return frequency }
            let smooth = (Float(trained) / wavelength - Float(low)) / Float(high - low)
            return (1 - smooth) * frequency / factor + smooth * frequency
        }
        return Rotation(frequencies: frequencies)
    }

    func yarn(trained: Int) throws(ModelError) -> Rotation {
        if base == 1 { throw rope.wrong("rope_theta", expected: "a number other than 1") }
        if rotated % 2 != 0 {
            throw rope.wrong(
                "partial_rotary_factor", expected: "one that rotates an even number of elements")
        }
        if rope.config["factor"] == nil { throw rope.missing("factor") }
        let factor = try scalingFactor(trained: trained)
        let fast = try rope.nonzero("beta_fast") ?? 32
        let slow = try rope.nonzero("beta_slow") ?? 1
        // Null is false there.
        let isWhole =
            rope.config["truncate"]?.isNull == true
            ? false : try rope.flag("truncate", default: true)
        func boundary(_ rotations: Double) -> Double {
            Double(rotated) * log(Double(trained) / (rotations * 2 * Double.pi)) / (2 * log(base))
        }
        var (low, high) = (boundary(fast), boundary(slow))
        if isWhole { (low, high) = (low.rounded(.down), high.rounded(.up)) }
        (low, high) = (max(low, 0), min(high, Double(rotated - 1)))
        if low == high { high += 0.001 }
        let frequencies = powers(of: Float(base)).enumerated().map { index, power in
            let ramp = min(max((Float(index) - Float(low)) / Float(high - low), 0), 1)
            let kept = 1 - ramp
            return 1 / (Float(factor) * power) * (1 - kept) + 1 / power * kept
        }
        return Rotation(
            frequencies: frequencies, factor: Float(try yarnAttention(factor: factor)))
    }

    /// How much larger scores are that come from positions so many times as far apart.
    static func magnitude(factor: Double, scale: Double) -> Double {
        factor <= 1 ? 1 : 0.1 * scale * log(factor) + 1
    }

    private func yarnAttention(factor: Double) throws(ModelError) -> Double {
        if rope.value("attention_factor") != nil { return try rope.positive("attention_factor") }
        func magnitude(_ scale: Double) -> Double {
            Self.magnitude(factor: factor, scale: scale)
        }
        if let scale = try rope.nonzero("mscale"), let all = try rope.nonzero("mscale_all_dim") {
            return magnitude(scale) / magnitude(all)
        }
        return magnitude(1)
    }

    /// `factor`, or what the model's positions are of those that it was trained with.
    private func scalingFactor(trained: Int) throws(ModelError) -> Double {
        rope.value("factor") == nil
            ? Double(positions) / Double(trained) : try rope.positive("factor")
    }

    /// Sequences of up to `trained` tokens have the short factors, longer ones the long factors,
    /// from their first token on.
    func longrope(trained: Int) throws(ModelError) -> Rotation {
        let powers = powers(of: Float(base))
        let (short, long) = (
            try rope.factors("short_factor", count: powers.count),
            try rope.factors("long_factor", count: powers.count)
        )
        if trained < 2 {
            throw rope.wrong(
                "original_max_position_embeddings", expected: "an integer above 1")
        }
        let factor = try scalingFactor(trained: trained)
        let attention: Double =
            rope.value("attention_factor") != nil
            ? try rope.positive("attention_factor")
            : factor <= 1 ? 1 : (1 + log(factor) / log(Double(trained))).squareRoot()
        return Rotation(
            frequencies: zip(short, powers).map { 1 / ($0 * $1) }, factor: Float(attention),
            long: short == long
                ? nil
                : Rotation.Long(
                    length: trained, frequencies: zip(long, powers).map { 1 / ($0 * $1) },
                    factor: Float(attention)))
    }

    /// Some of a head's pairs as if all were rotated, the others not at all.
    func proportional() throws(ModelError) -> Rotation {
        let factor = Float(rope.config["factor"] == nil ? 1 : try rope.positive("factor"))
        guard share <= 1 else {
            throw rope.wrong("partial_rotary_factor", expected: "at most 1")
        }
        let rotated = Int((share * Double(headDim) / 2).rounded(.down))
        let frequencies = (0..<(headDim / 2)).map { index in
            index < rotated
                ? 1 / powf(Float(base), Float(2 * index) / Float(headDim)) / factor : 0
        }
        return Rotation(frequencies: frequencies)
    }
}

extension ConfigReader {
    /// nil where it is absent, null or 0.
    func nonzero(_ key: String) throws(ModelError) -> Double? {
        guard let node = value(key), node.double != 0 else { return nil }
        return try positive(key)
    }

    fileprivate func factors(_ key: String, count: Int) throws(ModelError) -> [Float] {
        guard let node = config[key] else { throw missing(key) }
        let factors = (node.array ?? []).compactMap(\.double).map { Float($0) }
        guard factors.count == count, node.array?.count == count,
            factors.allSatisfy({ $0.isFinite && $0 > 0 })
        else { throw wrong(key, expected: "a list of \(count) positive numbers") }
        return factors
    }
}
