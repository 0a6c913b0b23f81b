import Pruning
import Tensors

extension Method.Choice {
    /// What pruning a layer takes for a moment beside its mask, in bytes: for the fit of its rows,
    /// the solver, and the errors that are measured.
    func momentBytes(_ shape: Shape, _ amount: InputNeeds.Amount, threads: Int) -> Int {
        // The sample less its mean, and a thread's buffers for 64 rows.
        let fit =
            compensation.fitsScale
            ? 4 * amount.sampleRows * shape.columns
                + threads * 4 * 64 * (shape.columns + 2 * amount.sampleRows) : 0
        let solver =
            metric.solver?.bytes(rows: shape.rows, columns: shape.columns, threads: threads) ?? 0
        let aimed =
            isAimed
            ? Solver.aimedBytes(rows: shape.rows, columns: shape.columns, threads: threads) : 0
        return fit + solver + aimed
            + OutputSketch.bytes(rows: shape.rows, groups: amount.groups, threads: threads)
    }
}
