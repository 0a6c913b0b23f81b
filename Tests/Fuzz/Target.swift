/// One kind of file, and what reads it.
struct Target {
    enum Form {
        /// YAML, JSON, lines.
        case text
        case safetensors
        /// Opcodes of Python's pickles.
        case pickle
        /// Protocol Buffers.
        case protobuf
        /// gzip, hidden states and whatever else has no lines.
        case binary
    }

    let name: String
    /// What is replaced, below the box.
    let file: String
    let form: Form
    /// Valid ones; the first is what the file is between cases.
    let seeds: [[UInt8]]
    /// Words of the commands of which one is drawn.
    let commands: [[String]]
    /// What the file is made of a changed seed; nil: it is one.
    var wrap: (([UInt8]) -> [UInt8])?
    /// MiB that a command may take.
    var memory = 400
    /// A directory that each case starts with a copy of, and the name of the copy.
    var pristine: (from: String, to: String)?
    /// How often it is drawn, compared with others.
    var weight = 1
}
