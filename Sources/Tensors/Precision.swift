/// The type in which matrix products with weights take their factors; sums are float32 in both.
package enum Precision: String, Sendable, Hashable {
    case float32
    /// Inputs and weights rounded to bfloat16. Fast only where the processor has bfloat16 products.
    case bfloat16
}
