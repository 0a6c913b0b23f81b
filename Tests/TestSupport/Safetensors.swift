/// A safetensors file made by hand, without the code under test.
package func safetensors(_ header: String, _ data: [UInt8] = []) -> [UInt8] {
    safetensors(Array(header.utf8), data)
}

package func safetensors(_ header: [UInt8], _ data: [UInt8] = []) -> [UInt8] {
    bytes(UInt64(header.count)) + header + data
}

/// As they stand in a file, the least first.
package func bytes<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
}
