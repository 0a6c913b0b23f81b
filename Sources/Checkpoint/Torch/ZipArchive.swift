/// The directory of a ZIP archive whose entries are stored as they are, as PyTorch writes them:
/// each entry is a range of the mapped file.
///
/// Source: APPNOTE.TXT 6.3.10 of PKWARE, sections 4.3.7 to 4.3.16 and 4.5.3.
struct ZipArchive {
    /// Where the bytes of each entry are, by its name.
    private(set) var entries: [String: Range<Int>] = [:]

    /// One for each storage of a tensor, and some more.
    static let maximumEntries = 300_000
    private static let maximumName = 1024

    /// What is wrong with it, to be read behind the file's name.
    struct Problem: Error {
        let text: String

        init(_ text: String) { self.text = text }
    }

    init(_ bytes: UnsafeRawBufferPointer) throws(Problem) {
        let directory = try Self.directory(ByteReader(bytes))
        guard directory.count <= Self.maximumEntries else {
            throw Problem(
                "\(directory.count) entries in the archive; at most \(Self.maximumEntries) are read"
            )
        }
        var reader = ByteReader(bytes, directory.range)
        // The least that an entry takes.
        guard directory.count <= directory.range.count / 46 else { throw Self.cut }
        entries.reserveCapacity(directory.count)
        var taken: [Range<Int>] = []
        taken.reserveCapacity(directory.count)
        for _ in 0..<directory.count {
            let entry = try Self.entry(&reader, ByteReader(bytes), directory.range)
            if entries.updateValue(entry.range, forKey: entry.name) != nil {
                throw Problem("the archive has two entries of one name")
            }
            taken.append(entry.header..<entry.range.upperBound)
        }
        if reader.position != reader.end { throw Self.cut }
        try Self.checkApart(&taken)
    }

    /// No byte belongs to two entries: what would seem large would be small.
    private static func checkApart(_ taken: inout [Range<Int>]) throws(Problem) {
        taken.sort { $0.lowerBound < $1.lowerBound }
        for (first, second) in zip(taken, taken.dropFirst())
        where first.upperBound > second.lowerBound {
            throw Problem(
                "entries of the archive overlap, which PyTorch does not do; copy or download it "
                    + "again")
        }
    }

    private static let cut = Problem(
        "the archive is cut short or damaged; copy or download it again")

    /// The record at the end says where the directory is.
    private static func directory(
        _ file: ByteReader
    ) throws(Problem) -> (range: Range<Int>, count: Int) {
        let size = 22
        var place = file.end - size
        // A comment of up to 65535 bytes may follow.
        while place >= 0, place >= file.end - size - 65535 {
            if file.integer(UInt32.self, at: place) == 0x0605_4b50,
                file.integer(UInt16.self, at: place + 20).map({ place + size + Int($0) })
                    == file.end
            {
                break
            }
            place -= 1
        }
        var record = file.at(place)
        guard place >= 0, record.skip(4), let disk = record.integer(UInt16.self),
            let start = record.integer(UInt16.self), let here = record.integer(UInt16.self),
            let total = record.integer(UInt16.self), let length = record.integer(UInt32.self),
            let offset = record.integer(UInt32.self)
        else { throw cut }
        var (end, count) = (place, UInt64(total))
        var (begin, bytes) = (UInt64(offset), UInt64(length))
        if let large = try large(file, before: place) {
            (count, bytes, begin, end) = large
        } else if disk != 0 || start != 0 || here != total {
            throw Problem("the archive is one of several parts")
        }
        guard begin <= UInt64(end), bytes <= UInt64(end) - begin, let count = Int(exactly: count)
        else { throw cut }
        return (Int(begin)..<Int(begin + bytes), count)
    }

    /// The same in 64 bits, where there is such a record.
    private static func large(
        _ file: ByteReader, before place: Int
    ) throws(Problem) -> (count: UInt64, bytes: UInt64, begin: UInt64, end: Int)? {
        guard place >= 20, file.integer(UInt32.self, at: place - 20) == 0x0706_4b50 else {
            return nil
        }
        guard let offset = file.integer(UInt64.self, at: place - 12),
            let at = Int(exactly: offset), at <= place - 76
        else { throw cut }
        var record = file.at(at)
        guard record.integer(UInt32.self) == 0x0606_4b50, record.skip(20),
            let here = record.integer(UInt64.self), let count = record.integer(UInt64.self),
            let bytes = record.integer(UInt64.self), let begin = record.integer(UInt64.self)
        else { throw cut }
        if here != count { throw Problem("the archive is one of several parts") }
        return (count, bytes, begin, at)
    }

    /// One entry of the directory, and where its bytes are after its own header.
    private static func entry(
        _ reader: inout ByteReader, _ file: ByteReader, _ directory: Range<Int>
    ) throws(Problem) -> (name: String, header: Int, range: Range<Int>) {
        guard reader.integer(UInt32.self) == 0x0201_4b50, reader.skip(4),
            let flags = reader.integer(UInt16.self), let method = reader.integer(UInt16.self),
            reader.skip(8), let packed = reader.integer(UInt32.self),
            let plain = reader.integer(UInt32.self), let nameLength = reader.integer(UInt16.self),
            let extraLength = reader.integer(UInt16.self),
            let commentLength = reader.integer(UInt16.self), reader.skip(8),
            let offset = reader.integer(UInt32.self), nameLength <= maximumName,
            let nameBytes = reader.bytes(Int(nameLength)),
            let name = String(validating: nameBytes, as: UTF8.self),
            let extra = reader.bytes(Int(extraLength)), reader.skip(Int(commentLength))
        else { throw cut }
        if flags & 1 != 0 { throw Problem("the archive is encrypted") }
        var sizes = [UInt64(plain), UInt64(packed), UInt64(offset)]
        try widen(&sizes, ByteReader(extra))
        guard method == 0, sizes[0] == sizes[1] else {
            throw Problem(
                "the archive's entries are compressed, which PyTorch does not do; unpack it and "
                    + "save the weights again with torch.save")
        }
        // The header before the bytes has a name and extra fields of its own lengths.
        guard let header = Int(exactly: sizes[2]), header < directory.lowerBound,
            file.integer(UInt32.self, at: header) == 0x0403_4b50,
            let ownName = file.integer(UInt16.self, at: header + 26),
            let ownExtra = file.integer(UInt16.self, at: header + 28)
        else { throw cut }
        var own = file.at(header + 30)
        guard let ownBytes = own.bytes(Int(ownName)), ownBytes.elementsEqual(nameBytes) else {
            throw cut
        }
        let start = header + 30 + Int(ownName) + Int(ownExtra)
        guard let count = Int(exactly: sizes[0]), start <= directory.lowerBound,
            count <= directory.lowerBound - start
        else { throw cut }
        return (name, header, start..<start + count)
    }

    /// Sizes of which 32 bits were too few stand in an extra field, in this order.
    private static func widen(_ sizes: inout [UInt64], _ extra: ByteReader) throws(Problem) {
        guard sizes.contains(0xFFFF_FFFF) else { return }
        var extra = extra
        while let id = extra.integer(UInt16.self), let length = extra.integer(UInt16.self) {
            guard let field = extra.bytes(Int(length)) else { throw cut }
            if id != 1 { continue }
            var values = ByteReader(field)
            for index in sizes.indices where sizes[index] == 0xFFFF_FFFF {
                guard let value = values.integer(UInt64.self) else { throw cut }
                sizes[index] = value
            }
            return
        }
        throw cut
    }
}
