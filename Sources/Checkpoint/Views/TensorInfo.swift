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

    /// Product of the shape; nil where it exceeds `Int`.
    package var count: Int? {
        var count = 1
        for size in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            if overflow || size < 0 { return nil }
            count = product
        }
        return count
    }

    /// What the elements take; nil where it exceeds `Int` or is no whole number of bytes.
    package var byteCount: Int? {
        guard let count else { return nil }
        let isWhole = type.bits % 8 == 0
        let (units, overflow) = count.multipliedReportingOverflow(
            by: isWhole ? type.bits / 8 : type.bits)
        if overflow { return nil }
        if isWhole { return units }
        return units % 8 == 0 ? units / 8 : nil
    }
}
