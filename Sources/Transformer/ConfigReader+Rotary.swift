import Documents
import Glibc

extension ConfigReader {
    /// Radians per position of each pair of a head's elements that is rotated: `[head_dim / 2]` or less.
    ///
    /// Reads `rope_parameters` (transformers 5) or `rope_theta` and `rope_scaling` (before). Computed
    /// in float32 in the order of the reference, for at position 2000 the last bit can be seen.
    /// Source: `modeling_rope_utils.py` of transformers.
    func inverseFrequencies(
        headDim: Int, _ rotary: Architecture.Rotary
    ) throws(ModelError) -> [Float] {
        let key = value("rope_parameters") != nil ? "rope_parameters" : "rope_scaling"
        let parameters = value(key) ?? Node(.object([]))
        guard parameters.members != nil else { throw wrong(key, expected: "an object") }
        let rope = ConfigReader(config: parameters, file: file, prefix: "\(key).")
        let base = try Float(
            rope.number("rope_theta", default: number(rotary.base, default: 10000)))
        let rotated = try rotated(headDim: headDim, rotary, rope)
        var frequencies = stride(from: 0, to: rotated, by: 2).map { index in
            1 / powf(base, Float(index) / Float(rotated))
        }
        let type = try rope.text("rope_type", default: rope.text("type", default: "default"))
        guard rotary.types.contains(type) else {
            throw rope.wrong(
                rope.value("rope_type") != nil ? "rope_type" : "type",
                expected: rotary.types.joined(separator: " or ") + " for this family")
        }
        switch type {
        case "linear":
            let factor = try rope.required("factor")
            frequencies = frequencies.map { $0 / factor }
        case "llama3":
            frequencies = try rope.llama3(frequencies)
        default:
            break
        }
        return frequencies
    }

    /// How many elements of a head are rotated; where that is odd, one more is.
    private func rotated(
        headDim: Int, _ rotary: Architecture.Rotary, _ rope: ConfigReader
    ) throws(ModelError) -> Int {
        let key = "partial_rotary_factor"
        guard let outside = rotary.fraction else {
            if try rope.number(key, default: 1) != 1 {
                throw rope.wrong(key, expected: "1 for this family")
            }
            return headDim
        }
        let fraction = try rope.number(
            key, default: number(outside, default: rotary.defaultFraction))
        let rotated = fraction * Double(headDim)
        guard rotated >= 1, rotated <= Double(headDim) else {
            let reader = rope.value(key) != nil ? rope : self
            throw reader.wrong(
                rope.value(key) != nil ? key : outside,
                expected: "at most 1, and enough for one of a head's \(headDim) elements")
        }
        return Int(rotated)
    }

    private func required(_ key: String) throws(ModelError) -> Float {
        if value(key) == nil { throw missing(key) }
        return Float(try number(key, default: 0))
    }

    private func llama3(_ frequencies: [Float]) throws(ModelError) -> [Float] {
        let factor = try required("factor")
        let low = try required("low_freq_factor")
        let high = try required("high_freq_factor")
        let context = try required("original_max_position_embeddings")
        if high <= low {
            throw wrong("high_freq_factor", expected: "a number above low_freq_factor")
        }
        return frequencies.map { frequency in
            let wavelength = 2 * Float.pi / frequency
            if wavelength > context / low { return frequency / factor }
            if wavelength < context / high { return frequency }
            let smooth = (context / wavelength - low) / (high - low)
            return (1 - smooth) * frequency / factor + smooth * frequency
        }
    }
}
