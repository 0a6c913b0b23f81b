import Tensors

extension LayerPruning.Outcome {
    /// Of a layer to which a map was added: nothing went.
    /// - Parameter weights: as they are now.
    package init(mapped weights: Matrix, biasChange: [Float]?) {
        self.init(zeros: weights.zeros, biasChange: biasChange, mask: [])
    }
}
