/// Copies a part of a tensor, row by row, whose elements lie apart.
///
/// - Parameters:
///   - bytes: that hold all of its elements, from the first on.
///   - elements: which of them, in the order of rows.
///   - shape: of the tensor.
///   - strides: from one element to the next of each dimension, in elements; not negative.
///   - size: bytes of an element.
package func gather(
    _ bytes: UnsafeRawBufferPointer, _ elements: Range<Int>, shape: [Int], strides: [Int],
    size: Int, into target: UnsafeMutableRawBufferPointer
) {
    precondition(shape.count == strides.count, "shape and strides differ")
    precondition(target.count == elements.count * size, "bytes do not fit the count")
    guard !elements.isEmpty, let length = shape.last, let step = strides.last else {
        target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<target.count]))
        return
    }
    var element = elements.lowerBound
    while element < elements.upperBound {
        // The place of the first element, from its index in each dimension.
        var rest = element
        var place = 0
        for (count, stride) in zip(shape, strides).reversed() {
            place += rest % count * stride
            rest /= count
        }
        let run = min(length - element % length, elements.upperBound - element)
        let start = (element - elements.lowerBound) * size
        for index in 0..<run {
            let from = (place + index * step) * size
            UnsafeMutableRawBufferPointer(
                rebasing: target[start + index * size..<start + (index + 1) * size]
            ).copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[from..<from + size]))
        }
        element += run
    }
}
