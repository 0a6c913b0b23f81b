import Glibc

/// x = (clamp(x) + 1) g sigmoid(slope g), g = min(gate, limit), x between -limit and limit; both
/// `[rows, columns]`.
///
/// Source: `_apply_gate` in `modeling_gpt_oss.py` of transformers.
package func clampedGate(_ x: MatrixView, by gate: MatrixView, slope: Float, limit: Float) {
    precondition(x.rows == gate.rows && x.columns == gate.columns, "shapes differ")
    for index in 0..<x.rows {
        let (values, gates) = (x.row(index), gate.row(index))
        for j in 0..<x.columns {
            let g = min(gates[j], limit)
            let up = max(-limit, min(values[j], limit))
            values[j] = (up + 1) * (g * sigmoid(g * slope))
        }
    }
}

/// 1 / (1 + e^-x)
package func sigmoid(_ x: Float) -> Float { 1 / (1 + expf(-x)) }
