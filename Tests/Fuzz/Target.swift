/// One kind of file, and what reads it.
struct Target {
    enum Form {
        /// YAML, JSON, lines.
        case text
        case safetensors
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
    /// MiB that a command may take.
    var memory = 400
    /// A directory that each case starts with a copy of, and the name of the copy.
    var pristine: (from: String, to: String)?
    /// How often it is drawn, compared with others.
    var weight = 1
}
