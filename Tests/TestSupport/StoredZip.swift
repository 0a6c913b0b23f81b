/// A ZIP archive of stored entries, made without the code under test.
package struct StoredZip {
    package var entries: [(name: String, bytes: [UInt8])]
    /// Sizes and places in 64 bits, as for archives beyond 4 GiB.
    package var isLarge = false
    package var method: UInt16 = 0
    package var flags: UInt16 = 0

    /// PyTorch's, of one directory.
    package init(
        pickle: [UInt8], storages: [(String, [UInt8])] = [], also: [(String, [UInt8])] = []
    ) {
        entries =
            [("m/data.pkl", pickle), ("m/byteorder", Array("little".utf8))]
            + storages.map { ("m/data/\($0.0)", $0.1) } + also
    }

    package var bytes: [UInt8] {
        var file: [UInt8] = []
        var directory: [UInt8] = []
        for (name, bytes) in entries {
            let place = file.count
            // A header's own extra field, as PyTorch pads with.
            let pad = [UInt8](repeating: 0x5A, count: 3)
            let size = UInt32(bytes.count)
            file += little(0x0403_4b50 as UInt32) + little(45 as UInt16) + little(flags)
            file += little(method) + little(0 as UInt64) + little(size) + little(size)
            file += little(UInt16(name.utf8.count)) + little(7 as UInt16) + Array(name.utf8)
            file += little(0x4246 as UInt16) + little(3 as UInt16) + pad + bytes
            let wide: [UInt8] =
                isLarge
                ? little(1 as UInt16) + little(24 as UInt16) + little(UInt64(bytes.count))
                    + little(UInt64(bytes.count)) + little(UInt64(place)) : []
            let none: UInt32 = 0xFFFF_FFFF
            directory += little(0x0201_4b50 as UInt32) + little(45 as UInt32) + little(flags)
            directory += little(method) + little(0 as UInt64)
            directory += little(isLarge ? none : size) + little(isLarge ? none : size)
            directory += little(UInt16(name.utf8.count)) + little(UInt16(wide.count))
            directory += [UInt8](repeating: 0, count: 10)
            directory += little(isLarge ? none : UInt32(place)) + Array(name.utf8) + wide
        }
        let start = file.count
        file += directory
        let count = UInt64(entries.count)
        if isLarge {
            let record = file.count
            file += little(0x0606_4b50 as UInt32) + little(44 as UInt64) + little(45 as UInt32)
            file += little(0 as UInt64) + little(count) + little(count)
            file += little(UInt64(directory.count)) + little(UInt64(start))
            file += little(0x0706_4b50 as UInt32) + little(0 as UInt32) + little(UInt64(record))
            file += little(1 as UInt32)
        }
        let short = isLarge ? 0xFFFF : UInt16(count)
        file += little(0x0605_4b50 as UInt32) + little(0 as UInt32) + little(short) + little(short)
        file += little(isLarge ? 0xFFFF_FFFF : UInt32(directory.count))
        file += little(isLarge ? 0xFFFF_FFFF : UInt32(start)) + little(0 as UInt16)
        return file
    }
}

private func little(_ value: some FixedWidthInteger) -> [UInt8] { bytes(value) }
