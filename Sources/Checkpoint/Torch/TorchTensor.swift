import Tensors

/// A tensor as a pickle describes it: a part of a storage, which other tensors may share.
struct TorchTensor {
    let storage: TorchStorage
    let type: ElementType
    let shape: [Int]
    /// In elements, for each dimension.
    let strides: [Int]
    /// The first element, in elements from the start of the storage.
    let offset: Int
}

/// A run of elements in the archive.
struct TorchStorage {
    /// The name of its entry, below `data/`.
    let key: String
    /// nil: it is a run of bytes.
    let type: ElementType?
    /// Of elements, or of bytes.
    let count: Int
}
