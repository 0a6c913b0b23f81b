import Tensors

/// What a safetensors header says about a tensor, apart from its place.
package struct TensorInfo: Sendable, Hashable {
    package let name: String
    package let type: ElementType
    /// Empty for a scalar; a 0 in it makes the tensor empty.
    package let shape: [Int]

    package init(name: String, type: ElementType, shape: [Int]) {
        self.name = name
        self.type = type
        self.shape = shape
    }

    /// Product of the shape times the element's size; nil where it exceeds `Int`.
    package var byteCount: Int? {
        var count = type.size
        for size in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            if overflow || size < 0 { return nil }
            count = product
        }
        return count
    }
}
